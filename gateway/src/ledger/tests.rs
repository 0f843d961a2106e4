//! Tampering in, the first bad line out; and what a crash leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use policy::{Channel, Verdict};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::*;
use crate::store::tests::{World, assert_no_marker, commit, raw};
use crate::store::{Disk, Happening, Transition};

fn explanation() -> Explanation {
    Explanation {
        verdict: Verdict::Release,
        purpose: None,
        categories: vec![],
        reasons: Vec::new(),
        rests_on: vec!["MARKER-consent".to_owned(), "MARKER-agency".to_owned()],
        duties: Vec::new(),
        channels: vec![Channel::TlsEmail],
        facts_sha256: "cd".repeat(32),
    }
}

const WAY: Way<'static> = Way { channel: Channel::TlsEmail, host: "mx.marker-domain.example" };

async fn begin(world: &World, store: &Store) -> Entry {
    let id = world.accept(store, b"letter").await;
    let letter = store.load(&id).await.unwrap().record.letter;
    let lease = store.due(1).await.unwrap().remove(0);
    let seq = Ledger::over(store).open(store.batch(), &letter, &explanation(), WAY).await.unwrap();
    Entry { letter: id, seq, footing: Footing::of(store, &lease) }
}

/// A stopped gateway with `lines` lines on its ledger.
async fn written(lines: u32) -> World {
    let world = World::new();
    let store = world.serve().await;
    let ledger = Ledger::over(&store);
    for n in 0..lines / 4 {
        let entry = begin(&world, &store).await;
        let evidence = format!("MARKER-evidence {n}");
        ledger.finish(&entry.finish(Outcome::Delivered, &evidence)).await.unwrap();
        ledger.started("0.1.0").await.unwrap();
        let change =
            Change { list: "agency", id: "MARKER-id", what: "added", by: "MARKER-by", content: Some("MARKER") };
        let mut batch = store.batch();
        register_changed(&mut batch, &change);
        batch.commit().await.unwrap();
    }
    assert_no_marker(&world.data());
    store.close().await;
    world
}

async fn run(conn: &mut AnyConnection, text: String) {
    sqlx::raw_sql(AssertSqlSafe(text)).execute(conn).await.unwrap();
}

#[tokio::test]
async fn every_change_drop_swap_and_cut_is_found_and_the_first_bad_line_named() {
    const LINES: u32 = 200;
    let world = written(LINES).await;
    let store = Store::visit(world.home(Disk::real())).await.unwrap();
    assert_eq!(verify(&store).await, Ok(Verified { entries: u64::from(LINES) }));
    let mut conn = raw(&world).await;
    run(&mut conn, "CREATE TABLE copy AS SELECT * FROM ledger".to_owned()).await;
    let whole = "DELETE FROM ledger; INSERT INTO ledger SELECT * FROM copy;";
    let last = i64::from(LINES);
    for seq in 1..=last {
        let other = if seq == last { seq - 1 } else { seq + 1 };
        let swapped = |field: &str| {
            format!(
                "UPDATE ledger SET {field} = (SELECT {field} FROM copy WHERE seq = {other}) WHERE seq = {seq}; \
                 UPDATE ledger SET {field} = (SELECT {field} FROM copy WHERE seq = {seq}) WHERE seq = {other};"
            )
        };
        let cases = [
            (format!("UPDATE ledger SET entry = replace(entry, '\"at\":17', '\"at\":18') WHERE seq = {seq}"), seq),
            (format!("UPDATE ledger SET hash = zeroblob(32) WHERE seq = {seq}"), seq),
            (format!("UPDATE ledger SET previous = randomblob(32) WHERE seq = {seq}"), seq),
            (format!("DELETE FROM ledger WHERE seq = {seq}"), seq),
            (format!("DELETE FROM ledger WHERE seq >= {seq}"), seq),
            (swapped("entry") + &swapped("previous") + &swapped("hash"), seq.min(other)),
        ];
        for (attack, bad) in cases {
            run(&mut conn, attack.clone()).await;
            let broken = verify(&store).await.expect_err(&attack);
            assert_eq!(broken.seq, bad, "{attack}: {broken}");
            run(&mut conn, whole.to_owned()).await;
        }
    }
    // Cut off, and grown again to the old length by someone without the key, or with the last line said otherwise.
    run(&mut conn, format!("UPDATE ledger SET seq = seq + 1 WHERE seq = {last}")).await;
    assert_eq!(verify(&store).await, Err(Broken { seq: last, what: What::Missing }));
    run(&mut conn, whole.to_owned()).await;
    assert!(verify(&store).await.is_ok());
}

#[tokio::test]
async fn the_head_file_is_missed_and_not_believed_blindly() {
    let world = written(8).await;
    let file = world.data().join("ledger.head");
    let good = std::fs::read(&file).unwrap();
    let store = Store::visit(world.home(Disk::real())).await.unwrap();
    let check = async |bytes: Option<&[u8]>, what: What| {
        match bytes {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        assert_eq!(verify(&store).await, Err(Broken { seq: 9, what }));
    };
    check(None, What::HeadMissing).await;
    check(Some(b""), What::HeadForged).await;
    check(Some(b"{}"), What::HeadForged).await;
    let forged = String::from_utf8(good.clone()).unwrap().replace("\"seq\":8", "\"seq\":4");
    check(Some(forged.as_bytes()), What::HeadForged).await;
    // A forged head is not written over by the next line: it stays as evidence.
    Ledger::over(&store).started("0.1.0").await.unwrap();
    store.close().await;
    assert_eq!(std::fs::read(&file).unwrap(), forged.as_bytes());
    // An honest one that lags behind is fine, as after a crash.
    std::fs::write(&file, good).unwrap();
    let store = Store::visit(world.home(Disk::real())).await.unwrap();
    assert_eq!(verify(&store).await, Ok(Verified { entries: 9 }));
}

#[tokio::test]
async fn a_disclosure_that_a_crash_cut_short_is_closed_as_unknown() {
    let world = World::new();
    let store = world.serve().await;
    let lost = begin(&world, &store).await;
    let done = begin(&world, &store).await;
    let letter = lost.letter().clone();
    let finished = done.finish(Outcome::Delivered, &"250 2.0.0");
    world.pass(crate::store::LEASE_SECS);
    let lease = store.due(9).await.unwrap().into_iter().find(|lease| *lease.id() != letter).unwrap();
    let event = crate::store::Event::new(world.clock.now(), Happening::Delivered, &"250 2.0.0");
    commit(&store, |b| b.settle(&lease, Transition::Delivered, &"", &[event]).outcome(&finished)).await.unwrap();
    assert_eq!(Ledger::over(&store).finish(&finished).await.err(), Some(Fault::Stale), "an outcome is written once");
    store.close().await;
    let (store, recovered) = Store::serve(world.home(Disk::real())).await.unwrap();
    assert_eq!(recovered.unfinished, std::slice::from_ref(&letter));
    assert_eq!(Ledger::over(&store).finish(&lost.finish(Outcome::Delivered, &"")).await.err(), Some(Fault::Stale));
    assert_eq!(verify(&store).await, Ok(Verified { entries: 4 }));
    assert_eq!(store.due(9).await.unwrap().len(), 1, "it is tried again");
    store.close().await;
    assert!(Store::serve(world.home(Disk::real())).await.unwrap().1.unfinished.is_empty());
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_gives_no_entry() {
    let world = World::new();
    let store = world.serve().await;
    let id = world.accept(&store, b"letter").await;
    let letter = store.load(&id).await.unwrap().record.letter;
    store.clone().close().await;
    let entry = Ledger::over(&store).open(store.batch(), &letter, &explanation(), WAY).await;
    assert_eq!(entry.err(), Some(Fault::Stopped));
}

#[tokio::test]
async fn two_processes_append_to_one_chain() {
    let world = World::new();
    let server = world.serve().await;
    let visitor = Store::visit(world.home(Disk::real())).await.unwrap();
    for _ in 0..20 {
        let (one, two) = (Ledger::over(&server), Ledger::over(&visitor));
        let (a, b) = tokio::join!(one.started("server"), two.started("visitor"));
        assert!(a.is_ok() && b.is_ok());
    }
    visitor.close().await;
    server.close().await;
    let store = world.serve().await;
    assert_eq!(verify(&store).await, Ok(Verified { entries: 40 }));
}

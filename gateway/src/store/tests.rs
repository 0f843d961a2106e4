//! Attack in, promised behaviour out: durability, leases, erasure, and nothing in clear on the disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keys::stored::{BodyReader, StoredBody};
use policy::{Category, Declared, Letter, LetterId, Mailbox, Purpose, SubjectId};
use serde_json::json;
use tempfile::TempDir;

use super::*;

pub(crate) const NOON: i64 = 1_790_000_000;

/// A data folder of a test, its clock, and the store on it.
pub(crate) struct World {
    pub folder: TempDir,
    pub clock: Clock,
    pub dice: Dice,
}

impl World {
    pub fn new() -> Self {
        let clock = Clock::standing(Timestamp(NOON), 0);
        Self { folder: tempfile::tempdir().unwrap(), clock, dice: Dice::loaded(7) }
    }

    pub fn home(&self, disk: Disk) -> Home {
        let (key, _) = keys::storage::StorageKey::open_or_make(&self.folder.path().join("storage.key")).unwrap();
        Home { folder: self.data(), key: Arc::new(key), clock: self.clock.clone(), dice: self.dice.clone(), disk }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data folder ?#%")
    }

    pub async fn serve(&self) -> Store {
        Store::serve(self.home(Disk::real())).await.unwrap().0
    }

    pub async fn body(&self, store: &Store, text: &[u8]) -> Received {
        let mut incoming = store.receive();
        for part in text.chunks(1_000_003) {
            incoming.push(part).await.unwrap();
        }
        incoming.finish("MARKER-subject-line".to_owned()).await.unwrap()
    }

    pub fn letter(&self, body: &StoredBody) -> Letter<StoredBody> {
        Letter {
            id: self.dice.letter_id(),
            sender: "MARKER-staff".to_owned(),
            to: Mailbox::parse("marker-local@marker-domain.example").unwrap(),
            subject: Some(SubjectId::parse("nhs:9434765919").unwrap()),
            purpose: Some(Declared::Known(Purpose::DirectCare)),
            categories: vec![Category::ClinicalLetter],
            citation: Some("MARKER-citation".to_owned()),
            exception: None,
            contradictions: Vec::new(),
            found: Vec::new(),
            sha256: Some("ab".repeat(32)),
            body: body.clone(),
        }
    }

    pub fn new_letter(&self, body: &StoredBody) -> NewLetter {
        let envelope = Envelope {
            reverse_path: Some(Mailbox::parse("marker-sender@marker-practice.example").unwrap()),
            ..Envelope::default()
        };
        let now = self.clock.now();
        NewLetter {
            record: LetterRecord { letter: self.letter(body), envelope, places: Vec::new() },
            opening: Opening::Queued { deadline: Timestamp(NOON + 100_000) },
            agency: Some("MARKER-agency".to_owned()),
            standing: json!({"why": "MARKER-standing"}),
            events: vec![Event::new(now, Happening::Accepted, &"MARKER-event")],
        }
    }

    /// Accepts one letter.
    pub async fn accept(&self, store: &Store, text: &[u8]) -> LetterId {
        let received = self.body(store, text).await;
        let new = self.new_letter(received.body());
        let id = new.record.letter.id.clone();
        commit(store, |batch| batch.accept(new)).await.unwrap();
        id
    }

    pub fn pass(&self, secs: i64) {
        self.clock.set(Timestamp(self.clock.now().0 + secs));
    }
}

pub(crate) async fn commit(store: &Store, fill: impl FnOnce(&mut Batch) -> &mut Batch) -> Result<Committed, Fault> {
    let mut batch = store.batch();
    fill(&mut batch);
    batch.commit().await
}

pub(crate) fn blobs(world: &World) -> usize {
    std::fs::read_dir(world.data().join("blobs")).unwrap().count()
}

async fn clear_text(store: &Store, id: &LetterId) -> Vec<u8> {
    let body = store.load(id).await.unwrap().record.letter.body;
    let mut text = Vec::new();
    BodyReader::new(store.open_blob(&body.blob).unwrap(), &body.key).read_to_end(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accepts_share_commits_and_all_survive_a_restart() {
    let world = World::new();
    let store = world.serve().await;
    let mut waiting = Vec::new();
    for n in 0..200_u32 {
        let text = format!("letter {n}");
        let received = world.body(&store, text.as_bytes()).await;
        let new = world.new_letter(received.body());
        let id = new.record.letter.id.clone();
        let store = store.clone();
        waiting.push(async move {
            let _named = received;
            commit(&store, |batch| batch.accept(new)).await.map(|_| (id, text))
        });
    }
    let accepted: Vec<_> = futures_util::future::try_join_all(waiting).await.unwrap();
    let Counters { commits, batches } = store.counters();
    assert!(batches >= 200 && commits * 10 < batches, "{commits} commits for {batches} batches");
    store.close().await;

    let store = world.serve().await;
    for (id, text) in &accepted {
        assert_eq!(clear_text(&store, id).await, text.as_bytes());
    }
    assert_eq!(store.due(1_000).await.unwrap().len(), 200);
    assert_eq!(blobs(&world), 200);
}

#[tokio::test]
async fn bodies_come_back_whole_whatever_their_length() {
    let world = World::new();
    let store = world.serve().await;
    for length in [0, 1, 65_535, 65_536, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 3 * BUFFER_BYTES + 17] {
        let text: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let id = world.accept(&store, &text).await;
        assert_eq!(clear_text(&store, &id).await, text, "{length}");
        assert_eq!(store.letter(&id).await.unwrap().summary.bytes, u64::try_from(length).unwrap());
    }
}

#[tokio::test]
async fn a_body_that_no_letter_names_leaves_no_file() {
    let world = World::new();
    let store = world.serve().await;
    let big = vec![b'x'; 2 * BUFFER_BYTES];
    let mut abandoned = store.receive();
    abandoned.push(&big).await.unwrap();
    assert_eq!(blobs(&world), 1);
    drop(abandoned);
    let new = {
        let received = world.body(&store, &big).await;
        world.new_letter(received.body())
    };
    assert_eq!(blobs(&world), 0);
    assert_eq!(commit(&store, |b| b.accept(new)).await.err(), Some(Fault::NotFound), "no letter without its body");
    // A reference that is taken already is drawn anew, and the body is still there.
    let received = world.body(&store, b"again").await;
    let (first, mut twin) = (world.new_letter(received.body()), world.new_letter(received.body()));
    let fresh = std::mem::replace(&mut twin.record.letter.id, world.accept(&store, b"first").await);
    assert_eq!(commit(&store, |b| b.accept(first).accept(twin)).await.err(), Some(Fault::Conflict));
    let mut again = world.new_letter(received.body());
    again.record.letter.id = fresh.clone();
    commit(&store, |b| b.accept(again)).await.unwrap();
    assert_eq!(clear_text(&store, &fresh).await, b"again");
    drop(received);
    // A crash leaves one: the next start removes it, and only it.
    let id = world.accept(&store, b"kept").await;
    std::fs::write(world.data().join("blobs").join("ab".repeat(16)), b"left over").unwrap();
    store.close().await;
    let (store, recovered) = Store::serve(world.home(Disk::real())).await.unwrap();
    assert_eq!((recovered.blobs_removed, blobs(&world)), (1, 3));
    assert_eq!(clear_text(&store, &id).await, b"kept");
}

#[tokio::test]
async fn only_our_own_names_reach_a_path() {
    let world = World::new();
    let store = world.serve().await;
    for name in ["", "../sealgate.db", "/etc/passwd", &"a".repeat(31), &"A".repeat(32), &"..".repeat(16), "ab\0"] {
        assert_eq!(store.open_blob(name).err(), Some(Fault::NotFound), "{name:?}");
    }
}

#[tokio::test]
async fn no_file_holds_anything_personal_in_clear() {
    let world = World::new();
    let store = world.serve().await;
    let text = format!("MARKER-body {}", "secret ".repeat(100_000));
    let id = world.accept(&store, text.as_bytes()).await;
    world.accept(&store, b"MARKER-short").await;
    let answer = Answer { request_sha256: "MARKER-request".to_owned(), answer: json!("MARKER-answer") };
    commit(&store, |batch| {
        batch
            .notice(NewNotice::new(&id, Timestamp(NOON), &"MARKER-notice"))
            .answer("MARKER-account", "MARKER-key", &answer)
            .event(&id, Event::new(Timestamp(NOON), Happening::Notice, &"MARKER-host"))
    })
    .await
    .unwrap();
    // While it runs (the log is full), after a settlement, and after a clean stop.
    assert_no_marker(&world.data());
    let lease = store.due(1).await.unwrap().remove(0);
    commit(&store, |batch| batch.settle(&lease, Transition::Failed, &"MARKER-failure", &[])).await.unwrap();
    assert_no_marker(&world.data());
    store.close().await;
    assert_no_marker(&world.data());
}

pub(crate) fn assert_no_marker(folder: &Path) {
    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // The head file is written beside its name and renamed: it may be gone again.
            let Ok(bytes) = std::fs::read(&path) else { continue };
            files += 1;
            let bytes = bytes.to_ascii_lowercase();
            for marker in [&b"marker"[..], b"9434765919", b"secret "] {
                assert!(!bytes.windows(marker.len()).any(|window| window == marker), "{}", path.display());
            }
        }
    }
    assert!(files >= 2, "the scan saw {files} files");
}

#[tokio::test]
async fn a_failed_step_stops_the_writer_and_nobody_is_told_ok() {
    for step in [Step::FolderSync, Step::Commit, Step::Committed] {
        let world = World::new();
        let kept = {
            let store = world.serve().await;
            let kept = world.accept(&store, b"before").await;
            store.close().await;
            kept
        };
        let broken = Arc::new(AtomicBool::new(false));
        let tripped = broken.clone();
        let disk = Disk::failing(move |at| {
            let fails = at == step && tripped.load(Ordering::SeqCst);
            if fails { Err(io::Error::other("I/O error")) } else { Ok(()) }
        });
        let (store, _) = Store::serve(world.home(disk)).await.unwrap();
        let received = world.body(&store, b"lost").await;
        broken.store(true, Ordering::SeqCst);
        let new = world.new_letter(received.body());
        let id = new.record.letter.id.clone();
        let answer = commit(&store, |batch| batch.accept(new)).await;
        assert_eq!(answer.err(), Some(Fault::Stopped), "{step:?}");
        // The disk is well again: that changes nothing until the store is opened anew.
        broken.store(false, Ordering::SeqCst);
        store.stopped().await;
        assert!(store.is_stopped());
        let again =
            commit(&store, |batch| batch.event(&kept, Event::new(Timestamp(NOON), Happening::Notice, &()))).await;
        assert_eq!(again.err(), Some(Fault::Stopped), "{step:?}");
        drop(received);
        store.close().await;

        // What was told `Ok` is there; what was not is there whole or not at all.
        let store = world.serve().await;
        assert_eq!(clear_text(&store, &kept).await, b"before");
        match store.load(&id).await {
            Ok(_) => assert_eq!(clear_text(&store, &id).await, b"lost", "{step:?}"),
            Err(fault) => assert_eq!(fault, Fault::NotFound),
        }
        let rows = store.letters(&Filter::default()).await.unwrap().len();
        assert_eq!(blobs(&world), rows, "{step:?}: as many blobs as letters");
    }
}

#[tokio::test]
async fn a_disk_that_fails_under_a_body_loses_that_body_alone() {
    for step in [Step::BlobCreate, Step::BlobWrite, Step::BlobSync] {
        let world = World::new();
        let left = AtomicU64::new(1);
        let disk = Disk::failing(move |at| {
            let fails = at == step && left.fetch_sub(1, Ordering::SeqCst) == 1;
            if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        });
        let (store, _) = Store::serve(world.home(disk)).await.unwrap();
        let mut incoming = store.receive();
        incoming.push(b"a letter").await.unwrap();
        assert!(matches!(incoming.finish(String::new()).await.err(), Some(Fault::Disk(_))), "{step:?}");
        assert_eq!(blobs(&world), 0, "{step:?}");
        let id = world.accept(&store, b"the next").await;
        assert_eq!(clear_text(&store, &id).await, b"the next");
    }
}

/// Three letters come in, two are settled. What was told `Ok`: letters with their text, and how they were settled.
async fn short_life(world: &World, store: &Store) -> Vec<(LetterId, String, Option<State>)> {
    let mut told = Vec::new();
    for n in 0..3 {
        let text = format!("letter {n}");
        let mut incoming = store.receive();
        if incoming.push(text.as_bytes()).await.is_err() {
            continue;
        }
        let Ok(received) = incoming.finish(String::new()).await else { continue };
        let new = world.new_letter(received.body());
        let id = new.record.letter.id.clone();
        if commit(store, |b| b.accept(new)).await.is_ok() {
            told.push((id, text, None));
        }
    }
    for (lease, to) in store.due(2).await.unwrap_or_default().iter().zip([Transition::Delivered, Transition::Refused]) {
        if commit(store, |b| b.settle(lease, to, &"", &[])).await.is_ok() {
            told.iter_mut().filter(|(id, ..)| id == lease.id()).for_each(|letter| letter.2 = Some(to.state()));
        }
    }
    told
}

#[tokio::test]
async fn whatever_step_the_disk_dies_at_a_restart_finds_all_that_was_told() {
    let mut dead_at = 0;
    loop {
        let world = World::new();
        // From that step on nothing works any more, as when the plug is pulled.
        let steps = Arc::new(AtomicU64::new(0));
        let counted = steps.clone();
        let disk = Disk::failing(move |_| {
            let alive = counted.fetch_add(1, Ordering::SeqCst) < dead_at;
            if alive { Ok(()) } else { Err(io::Error::other("no disk")) }
        });
        let mut told = Vec::new();
        // Dead at the very first steps, it does not even start.
        if let Ok((store, _)) = Store::serve(world.home(disk)).await {
            told = short_life(&world, &store).await;
            store.close().await;
        }

        let store = world.serve().await;
        for (id, text, settled) in &told {
            let state = store.letter(id).await.unwrap().state;
            match settled {
                Some(settled) => assert_eq!(state, *settled, "dead at {dead_at}"),
                // A settlement that nobody was told of may have been made all the same.
                None if state.is_final() => assert_eq!(store.load(id).await.err(), Some(Fault::NotFound)),
                None => assert_eq!(clear_text(&store, id).await, text.as_bytes(), "dead at {dead_at}"),
            }
        }
        let waiting = Filter { states: vec![State::Queued], ..Filter::default() };
        let waiting = store.letters(&waiting).await.unwrap();
        assert_eq!(blobs(&world), waiting.len(), "dead at {dead_at}: as many blobs as letters that wait");
        for letter in &waiting {
            clear_text(&store, &letter.id).await;
        }
        if steps.load(Ordering::SeqCst) <= dead_at {
            assert_eq!((told.len(), waiting.len()), (3, 1), "the last life was whole");
            break;
        }
        dead_at += 1;
    }
    assert!(dead_at > 15, "only {dead_at} steps");
}

#[tokio::test]
async fn one_failing_batch_fails_alone() {
    let world = World::new();
    let store = world.serve().await;
    let received = world.body(&store, b"one").await;
    let first = world.new_letter(received.body());
    let mut twin = world.new_letter(received.body());
    twin.record.letter.id = first.record.letter.id.clone();
    let other = world.new_letter(received.body());
    let other_id = other.record.letter.id.clone();
    let id = first.record.letter.id.clone();
    let ok = commit(&store, |b| b.accept(first));
    let conflict =
        commit(&store, |b| b.event(&id, Event::new(Timestamp(NOON), Happening::Notice, &"undone")).accept(twin));
    let also = commit(&store, |b| b.accept(other));
    let (ok, conflict, also) = tokio::join!(ok, conflict, also);
    assert!(ok.is_ok() && also.is_ok());
    assert_eq!(conflict.err(), Some(Fault::Conflict));
    assert_eq!(store.trail(&id).await.unwrap().len(), 1, "the failed batch left no line");
    assert!(store.load(&other_id).await.is_ok());
}

#[tokio::test]
async fn a_lease_is_exclusive_ends_and_is_fenced() {
    let world = World::new();
    let store = world.serve().await;
    let id = world.accept(&store, b"letter").await;
    let settle = async |lease: &Lease, to| commit(&store, |b| b.settle(lease, to, &"", &[])).await;
    let due = Timestamp(NOON + 50_000);
    let deferred = Transition::Deferred { due, deadline: Timestamp(NOON + 100_000) };

    let old = store.due(10).await.unwrap().remove(0);
    assert!(store.due(10).await.unwrap().is_empty(), "leased already");
    assert_eq!(store.next_due().await.unwrap(), Some(Timestamp(NOON + LEASE_SECS)));
    world.pass(LEASE_SECS);
    let new = store.due(10).await.unwrap().remove(0);
    assert_eq!(new.id(), &id);
    assert_eq!(settle(&old, deferred).await.err(), Some(Fault::Stale));
    assert!(settle(&new, deferred).await.is_ok());
    assert_eq!(settle(&new, deferred).await.err(), Some(Fault::Stale), "a lease settles once");
    let overview = store.letter(&id).await.unwrap();
    assert_eq!((overview.state, overview.attempts, overview.due), (State::Queued, 1, Some(due)));

    // A restart voids leases: the letter is due again as soon as it was.
    world.pass(50_000);
    let lost = store.due(10).await.unwrap().remove(0);
    store.close().await;
    let store = world.serve().await;
    let lease = store.due(10).await.unwrap().remove(0);
    let settle = async |lease: &Lease, to| commit(&store, |b| b.settle(lease, to, &"", &[])).await;
    assert_eq!(settle(&lost, Transition::Failed).await.err(), Some(Fault::Stale));
    // Delivered is a fact, whoever says it; said again, or contradicted, it stays.
    assert!(settle(&lost, Transition::Delivered).await.is_ok());
    assert!(settle(&lease, Transition::Delivered).await.is_ok());
    assert_eq!(settle(&lease, Transition::Failed).await.err(), Some(Fault::Stale));
    assert_eq!(store.letter(&id).await.unwrap().state, State::Delivered);
    assert_eq!(store.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_row_does_not_stop_the_others() {
    let world = World::new();
    let store = world.serve().await;
    for _ in 0..3 {
        world.accept(&store, b"letter").await;
    }
    tamper(&world, "UPDATE letter SET id = 'nonsense' WHERE rowid = 1").await;
    tamper(&world, "UPDATE letter SET state = 'nonsense' WHERE rowid = 2").await;
    assert_eq!(store.due(10).await.unwrap().len(), 1);
    assert_eq!(store.next_due().await.unwrap(), Some(Timestamp(NOON + LEASE_SECS)), "looked at again, not at once");
}

#[tokio::test]
async fn a_final_letter_is_erased_and_its_trail_stays() {
    let world = World::new();
    let store = world.serve().await;
    let received = world.body(&store, b"to two").await;
    let (one, two) = (world.new_letter(received.body()), world.new_letter(received.body()));
    let ids = [one.record.letter.id.clone(), two.record.letter.id.clone()];
    let mut refused = world.new_letter(received.body());
    refused.opening = Opening::Refused;
    let refused_id = refused.record.letter.id.clone();
    commit(&store, |b| b.accept(one).accept(two).accept(refused)).await.unwrap();
    assert_eq!(store.load(&refused_id).await.err(), Some(Fault::NotFound));
    let finals = [Transition::Delivered, Transition::Expired];
    for (n, (lease, to)) in store.due(10).await.unwrap().iter().zip(finals).enumerate() {
        assert_eq!(blobs(&world), 1, "the blob stays while a letter uses it");
        let event = Event::new(Timestamp(NOON), Happening::Delivered, &"evidence");
        commit(&store, |b| b.settle(lease, to, &"why", &[event])).await.unwrap();
        assert_eq!(store.load(lease.id()).await.err(), Some(Fault::NotFound));
        let overview = store.letter(lease.id()).await.unwrap();
        assert_eq!((overview.state, overview.summary.sender.as_str()), (to.state(), "MARKER-staff"));
        assert_eq!(store.trail(&ids[n]).await.unwrap().len(), 2);
        // The blob goes after the answer; an empty batch comes after that.
        commit(&store, |b| b).await.unwrap();
    }
    assert_eq!(blobs(&world), 0);
    let listed = async |states: &[State]| {
        let filter = Filter { states: states.to_vec(), ..Filter::default() };
        store.letters(&filter).await.unwrap().len()
    };
    assert_eq!(listed(&[]).await, 3);
    assert_eq!(listed(&[State::Refused]).await, 1);
    assert_eq!(listed(&[State::Delivered, State::Expired]).await, 2);
    assert_eq!(listed(&[State::Queued]).await, 0);
}

#[tokio::test]
async fn an_amended_letter_is_due_at_once_and_two_do_not_amend_it_at_once() {
    let world = World::new();
    let store = world.serve().await;
    let id = world.accept(&store, b"whose?").await;
    let lease = store.due(1).await.unwrap().remove(0);
    let deadline = Timestamp(NOON + 72 * 3_600);
    let held = Transition::Held { due: deadline, deadline };
    commit(&store, |b| b.settle(&lease, held, &"patient.unresolved", &[])).await.unwrap();
    assert_eq!(store.held().await.unwrap().len(), 1);
    assert!(store.due(1).await.unwrap().is_empty());

    let (first, second) = (store.load(&id).await.unwrap(), store.load(&id).await.unwrap());
    let mut record = first.record.clone();
    record.letter.subject = Some(SubjectId::parse("case:PSU-0142").unwrap());
    let event = || Event::new(Timestamp(NOON), Happening::Amended, &"subject");
    commit(&store, |b| b.amend(&first, &record, None, event())).await.unwrap();
    let late = commit(&store, |b| b.amend(&second, &record, None, event())).await;
    assert_eq!(late.err(), Some(Fault::Stale));
    assert_eq!(store.due(1).await.unwrap().len(), 1);
    let loaded = store.load(&id).await.unwrap();
    assert_eq!(loaded.record.letter.subject, record.letter.subject);
    assert_eq!(clear_text(&store, &id).await, b"whose?");
}

#[tokio::test]
async fn the_same_request_is_answered_once_and_for_a_week() {
    let world = World::new();
    let store = world.serve().await;
    let answer = |n: u32| Answer { request_sha256: n.to_string(), answer: json!(n) };
    let say = async |account: &str, key: &str, n| commit(&store, |b| b.answer(account, key, &answer(n))).await;
    assert!(say("ab", "c", 1).await.is_ok());
    assert_eq!(say("ab", "c", 2).await.err(), Some(Fault::Conflict));
    assert!(say("a", "bc", 3).await.is_ok(), "another account");
    assert_eq!(store.answer("ab", "c").await.unwrap(), Some(answer(1)));
    // Nothing else of the batch happens either.
    let received = world.body(&store, b"twice").await;
    let new = world.new_letter(received.body());
    let twice = commit(&store, |b| b.accept(new).answer("ab", "c", &answer(4))).await;
    assert_eq!(twice.err(), Some(Fault::Conflict));
    assert_eq!(store.letters(&Filter::default()).await.unwrap().len(), 0);
    world.pass(ANSWER_LIFE_SECS);
    assert_eq!(store.answer("ab", "c").await.unwrap(), None);
    assert!(say("ab", "c", 5).await.is_ok());
    assert_eq!(store.answer("ab", "c").await.unwrap(), Some(answer(5)));
    let kept = sqlx::query("SELECT COUNT(*) FROM answer").fetch_one(&mut raw(&world).await).await.unwrap();
    assert_eq!(kept.get::<i64, _>(0), 1, "what has expired is deleted");
}

#[tokio::test]
async fn notices_are_leased_deferred_and_sent() {
    let world = World::new();
    let store = world.serve().await;
    let id = world.accept(&store, b"letter").await;
    commit(&store, |b| b.notice(NewNotice::new(&id, Timestamp(NOON + 5), &json!({"to": "sender"})))).await.unwrap();
    assert!(store.due_notices(5).await.unwrap().is_empty());
    assert_eq!(store.next_notice().await.unwrap(), Some(Timestamp(NOON + 5)));
    world.pass(5);
    let lease = store.due_notices(5).await.unwrap().remove(0);
    assert_eq!((lease.letter.clone(), lease.body.clone()), (id, json!({"to": "sender"})));
    let end = async |lease: &NoticeLease, end| commit(&store, |b| b.settle_notice(lease, end)).await;
    assert!(end(&lease, NoticeEnd::Deferred(Timestamp(NOON + 60))).await.is_ok());
    assert_eq!(end(&lease, NoticeEnd::Sent).await.err(), Some(Fault::Stale));
    world.pass(60);
    let lease = store.due_notices(5).await.unwrap().remove(0);
    assert_eq!(lease.attempts, 1);
    assert!(end(&lease, NoticeEnd::Sent).await.is_ok());
    assert_eq!(store.next_notice().await.unwrap(), None);
}

#[tokio::test]
async fn a_visitor_writes_beside_the_server_which_notices() {
    let world = World::new();
    let server = world.serve().await;
    let id = world.accept(&server, b"letter").await;
    assert!(matches!(Store::serve(world.home(Disk::real())).await.err(), Some(OpenError::Served { .. })));
    let visitor = Store::visit(world.home(Disk::real())).await.unwrap();
    let mut mark = server.mark();
    let noticed = server.changed(&mut mark);
    let visit = async {
        // Until it is noticed, for the watch begins when it is first polled.
        loop {
            let event = Event::new(Timestamp(NOON), Happening::Notice, &"by hand");
            commit(&visitor, |b| b.event(&id, event)).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = noticed => {}, () = visit => {} }
    assert!(server.trail(&id).await.unwrap().len() >= 2);
    visitor.close().await;
    server.close().await;
    Store::serve(world.home(Disk::real())).await.unwrap();
}

#[tokio::test]
async fn another_key_and_a_newer_schema_are_refused() {
    let world = World::new();
    world.serve().await.close().await;
    std::fs::rename(world.folder.path().join("storage.key"), world.folder.path().join("old.key")).unwrap();
    assert!(matches!(Store::visit(world.home(Disk::real())).await.err(), Some(OpenError::OtherKey { .. })));
    std::fs::rename(world.folder.path().join("old.key"), world.folder.path().join("storage.key")).unwrap();
    tamper(&world, "UPDATE meta SET value = 99 WHERE name = 'version'").await;
    assert!(matches!(Store::visit(world.home(Disk::real())).await.err(), Some(OpenError::Newer { found: 99, .. })));
}

/// Changes the database behind the store's back.
async fn tamper(world: &World, text: &'static str) {
    sqlx::raw_sql(text).execute(&mut raw(world).await).await.unwrap();
}

/// A connection of nobody's.
pub(crate) async fn raw(world: &World) -> AnyConnection {
    let options = open::options_of(&world.data()).ok().unwrap();
    sqlx::ConnectOptions::connect(&options).await.unwrap()
}

//! Opening the data folder: as the one who serves, which recovers what a crash left, or as a visitor beside it.
//!
//! Not here: reading and writing.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use keys::storage::StorageKey;
use policy::LetterId;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, ConnectOptions, Connection, Row};
use tokio::sync::{mpsc, watch};

use super::batch::Change;
use super::disk::Disk;
use super::fault::{Fault, OpenError};
use super::head::{self, HeadFile};
use super::line::{self, Head};
use super::vault::Vault;
use super::writer::Writer;
use super::{Counts, Ground, Inner, Store, blob};
use crate::clock::Clock;
use crate::dice::Dice;

/// The schema, one text a version. A version once released is never edited; a change is a new text.
const SCHEMA: &[&str] = &[include_str!("schema.sql")];

/// Connections that read.
const READERS: u32 = 4;

/// Batches that may wait for the writer; more wait to be taken in, which slows the intake down.
const ORDERS_WAITING_MAX: usize = 1_024;

/// What each connection is told. FULL: a commit is a sync. Nothing temporary ever reaches a file, what is deleted is
/// overwritten, and a locked database is waited for.
const MANNERS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA busy_timeout = 5000; \
    PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF";

/// Where a store lives, and the seams it stands on.
#[derive(Clone)]
pub struct Home {
    /// The data folder; made (mode 0700) if it is not there.
    pub folder: PathBuf,
    /// Seals and names all that is in it.
    pub key: Arc<StorageKey>,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub dice: Dice,
    /// The disk, or one that fails on purpose.
    pub disk: Disk,
}

/// What the start of serving found of the process before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Blobs that no letter named, removed.
    pub blobs_removed: u64,
    /// Letters whose disclosure had begun and whose outcome is unknown; the ledger now says so. Each is tried again.
    pub unfinished: Vec<LetterId>,
}

impl Store {
    /// Has a store ever been opened in this folder?
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(DATABASE).exists()
    }

    /// Opens the folder beside whoever serves from it, as the command line does. Nothing is recovered.
    ///
    /// # Errors
    /// Names the folder, what is wrong, and the remedy.
    pub async fn visit(home: Home) -> Result<Self, OpenError> {
        prepare(&home.folder)?;
        let path = home.folder.display().to_string();
        open(home, None).await.map_err(|problem| problem.at(path))
    }

    /// Opens the folder as the one process that serves from it, and recovers: leases of the process before are void,
    /// blobs without a letter are removed, disclosures without an outcome are closed as unknown.
    ///
    /// # Errors
    /// Names the folder, what is wrong, and the remedy.
    pub async fn serve(home: Home) -> Result<(Self, Recovered), OpenError> {
        prepare(&home.folder)?;
        let path = home.folder.display().to_string();
        let lock = lock(&home.folder)?;
        let store = open(home, Some(lock)).await.map_err(|problem| problem.at(path.clone()))?;
        let recovered = store.recover().await.map_err(|fault| OpenError::Database { path, fault })?;
        Ok((store, recovered))
    }

    async fn recover(&self) -> Result<Recovered, Fault> {
        self.write(vec![Change::VoidLeases]).await?;
        let rows =
            sqlx::query("SELECT DISTINCT blob FROM letter WHERE blob IS NOT NULL").fetch_all(self.readers()).await?;
        let named: HashSet<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let blobs_removed = blob::sweep(self.ground(), named).await?;
        let unfinished =
            crate::ledger::close_unfinished(self, line::open(&mut *self.readers().acquire().await?).await?).await?;
        Ok(Recovered { blobs_removed, unfinished })
    }
}

/// What can be wrong, before the path is put to it.
pub(super) enum Problem {
    Folder(io::Error),
    Database(Fault),
    Newer(i64),
    OtherKey,
}

impl Problem {
    fn at(self, path: String) -> OpenError {
        match self {
            Self::Folder(source) => OpenError::Folder { path, source },
            Self::Database(fault) => OpenError::Database { path, fault },
            Self::Newer(found) => OpenError::Newer { path, found, known: known_version() },
            Self::OtherKey => OpenError::OtherKey { path },
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Database(fault)
    }
}

async fn open(home: Home, serving: Option<File>) -> Result<Store, Problem> {
    sqlx::any::install_default_drivers();
    let options = options_of(&home.folder)?;
    let mut conn = connect(&options).await?;
    let fresh = migrate(&mut conn, &home.key).await?;
    let at = line::head(&mut conn).await?;
    if fresh {
        head::write(&home.folder, &home.key, Head::START)?;
    } else {
        warn_of_a_cut(&home.folder, &home.key, at)?;
    }
    let readers = AnyPoolOptions::new()
        .max_connections(READERS)
        .after_connect(|conn, _| {
            Box::pin(async move {
                sqlx::raw_sql(MANNERS).execute(&mut *conn).await?;
                sqlx::raw_sql("PRAGMA query_only = ON").execute(conn).await?;
                Ok(())
            })
        })
        .connect_with(options.clone())
        .await?;
    let watcher = tokio::sync::Mutex::new(connect(&options).await?);
    let ground = Arc::new(Ground {
        folder: home.folder,
        vault: Vault(home.key),
        clock: home.clock,
        dice: home.dice,
        disk: home.disk,
        counters: Counts::default(),
        changed: watch::Sender::new(0),
        unnamed: Mutex::default(),
    });
    let (orders, waiting) = mpsc::channel(ORDERS_WAITING_MAX);
    let (heads, newest) = watch::channel(at);
    let keeper = Mutex::new(Some(tokio::spawn(head::keep(ground.clone(), newest))));
    tokio::spawn(Writer { conn, ground: ground.clone(), head: heads }.run(waiting));
    Ok(Store(Arc::new(Inner { ground, readers, orders, watcher, keeper, serving: Mutex::new(serving) })))
}

/// The folder, its blobs, and an empty database file, all for this user alone.
fn prepare(folder: &Path) -> Result<(), OpenError> {
    let make = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder.join("blobs"))?;
        // SQLite gives its log the mode of the database's file.
        OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(DATABASE))?;
        // CRASH: folder-made: an empty database file; the next start fills it.
        File::open(folder)?.sync_all()
    };
    make().map_err(|source| OpenError::Folder { path: folder.display().to_string(), source })
}

const DATABASE: &str = "sealgate.db";

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.display().to_string();
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("serving.lock"));
    let file = file.map_err(|source| OpenError::Folder { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Served { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::Folder { path, source }),
    }
}

pub(super) fn options_of(folder: &Path) -> Result<AnyConnectOptions, Problem> {
    let path = std::path::absolute(folder.join(DATABASE))?;
    let path = path.to_str().ok_or_else(|| io::Error::other("its path is not UTF-8; give it another name"))?;
    let mut url = String::from("sqlite://");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url.push_str("?mode=rw");
    let options: AnyConnectOptions = url.parse()?;
    Ok(options.disable_statement_logging())
}

async fn connect(options: &AnyConnectOptions) -> Result<AnyConnection, sqlx::Error> {
    let mut conn = AnyConnection::connect_with(options).await?;
    sqlx::raw_sql(MANNERS).execute(&mut conn).await?;
    Ok(conn)
}

fn known_version() -> i64 {
    i64::try_from(SCHEMA.len()).unwrap_or(i64::MAX)
}

/// Brings the schema up to date. Was the database empty?
async fn migrate(conn: &mut AnyConnection, key: &StorageKey) -> Result<bool, Problem> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await?;
    let text = "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BIGINT NOT NULL)";
    sqlx::query(text).execute(&mut *conn).await?;
    let version = meta(conn, "version").await?.unwrap_or(0);
    if version > known_version() {
        return Err(Problem::Newer(version));
    }
    for text in SCHEMA.iter().skip(usize::try_from(version).unwrap_or_default()) {
        sqlx::raw_sql(*text).execute(&mut *conn).await?;
    }
    put_meta(conn, "version", known_version()).await?;
    // A few bits of a pseudonym tell another key, and say nothing about this one.
    let [a, b, c, d, ..] = key.pseudonym("store", "storage key").0;
    let print = i64::from(u32::from_be_bytes([a, b, c, d]));
    if meta(conn, "key").await?.is_some_and(|known| known != print) {
        return Err(Problem::OtherKey);
    }
    put_meta(conn, "key", print).await?;
    sqlx::query("COMMIT").execute(conn).await?;
    // CRASH: schema-made: the ledger has no head file yet, and no line either; `ledger verify` says so until one is written.
    Ok(version == 0)
}

async fn meta(conn: &mut AnyConnection, name: &str) -> Result<Option<i64>, sqlx::Error> {
    let row = sqlx::query("SELECT value FROM meta WHERE name = $1").bind(name).fetch_optional(conn).await?;
    row.map(|row| row.try_get(0)).transpose()
}

async fn put_meta(conn: &mut AnyConnection, name: &str, value: i64) -> Result<(), sqlx::Error> {
    let text = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(text).bind(name).bind(value).execute(conn).await?;
    Ok(())
}

/// A start is a good moment to notice; the verdict is `ledger verify`'s.
fn warn_of_a_cut(folder: &Path, key: &StorageKey, at: Head) -> io::Result<()> {
    match head::read(folder, key)? {
        HeadFile::Reached(head) if head.seq <= at.seq => {}
        HeadFile::Absent if at == Head::START => head::write(folder, key, at)?,
        _ => tracing::error!("the ledger does not reach as far as its head file says; run `sealgate ledger verify`"),
    }
    Ok(())
}

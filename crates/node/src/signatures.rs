//! Each signature is verified once: at admission to the mempool, or else in parallel before its block is executed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use app::{SignatureCheck, Verdicts};

/// How many threads verify. Asked once: on Linux each question reads files of cgroups.
static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// Answers per generation; two generations are kept.
const GENERATION: usize = 20_000;

/// Answers to signature checks, remembered from admission to execution.
#[derive(Default)]
pub struct SignatureCache {
    known: Mutex<Generations>,
    cached: AtomicU64,
    verified: AtomicU64,
}

#[derive(Default)]
struct Generations {
    young: Verdicts,
    old: Verdicts,
    count: usize,
}

impl Generations {
    fn get(&self, check: &SignatureCheck) -> Option<bool> {
        self.young.get(check).or_else(|| self.old.get(check))
    }

    fn insert(&mut self, check: &SignatureCheck, good: bool) {
        if self.count >= GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.count = 0;
        }
        self.young.insert(check, good);
        self.count += 1;
    }
}

impl SignatureCache {
    /// Checks so far: answered from memory, and verified.
    pub fn counts(&self) -> (u64, u64) {
        (self.cached.load(Ordering::Relaxed), self.verified.load(Ordering::Relaxed))
    }

    /// Answers checks: known ones from memory, the others in parallel, remembering them.
    pub fn answer(&self, checks: Vec<SignatureCheck>) -> Verdicts {
        let asked = checks.len();
        let mut verdicts = Verdicts::default();
        let mut open = Vec::new();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for check in checks {
                match known.get(&check) {
                    Some(good) => verdicts.insert(&check, good),
                    None => open.push(check),
                }
            }
        }
        self.cached.fetch_add(asked.saturating_sub(open.len()) as u64, Ordering::Relaxed);
        self.verified.fetch_add(open.len() as u64, Ordering::Relaxed);
        let answers = verify_all(&open);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (check, good) in open.iter().zip(answers) {
            verdicts.insert(check, good);
            known.insert(check, good);
        }
        verdicts
    }
}

/// Verifies on as many threads as there are cores; few checks stay on this one.
fn verify_all(checks: &[SignatureCheck]) -> Vec<bool> {
    const FEW: usize = 4;
    let cores = *CORES;
    if checks.len() <= FEW || cores == 1 {
        return checks.iter().map(SignatureCheck::verify).collect();
    }
    thread::scope(|scope| {
        let chunks = checks.chunks(checks.len().div_ceil(cores));
        let work = |chunk: &[SignatureCheck]| chunk.iter().map(SignatureCheck::verify).collect::<Vec<_>>();
        let threads: Vec<_> = chunks.map(|chunk| scope.spawn(move || work(chunk))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Vec<bool>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    })
}

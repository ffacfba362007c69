// What is run on the models in spec/, and what has to come out. spec/README.md explains the settings.

type Settings = Readonly<Record<string, number>>;

/** One run of a model. Settings that are not named keep the model's own values. */
export type ModelRun = {
  name: string;
  model: 'epochs' | 'log';
  /** Of docs/guarantees.md: what the run is about. None: all of them. */
  rules: readonly string[];
  /** What may happen, or what is broken on purpose. */
  about: string;
  /** Sizes of the model's arrays, fixed when it is compiled. */
  sizes: Settings;
  settings: Settings;
  /** null: in no state a promise may be broken; otherwise the promise that has to be found broken. */
  violates: string | null;
  /** Small enough for the bounded form. */
  bounded: boolean;
};

const LOST = 'an accepted one is lost';
const TOO_MANY = 'one too many';
const REDEEMED_AND_REVOKED = 'redeemed and revoked';
const UNSETTLED = 'does not settle';
const READERS_DIFFER = 'the readers differ';

const WIPED: Settings = { wipes: 1 };
const FAILED_OVER: Settings = { failovers: 1 };
const ISOLATED: Settings = { ...FAILED_OVER, isolations: 1 };
const RACE: Settings = { lock_losses: 1, needless_rebuilds: 1 };
const ALL_FAULTS: Settings = {
  wipes: 1,
  failovers: 1,
  lock_losses: 1,
  rebuilder_crashes: 1,
  disconnects: 1,
};
const WITHOUT_P2: Settings = { no_claim_check: 1 };
const ADDITION: Settings = { additions: 1 };
const OPEN_ADDITION: Settings = {
  ...ADDITION,
  partitions_from_brokers: 1,
  added_behind_an_open_gate: 1,
};

/** With all rules in force nothing may be violated. */
const SAFE: readonly ModelRun[] = [
  bounded(
    safe('wipe', 'a wipe, a lost lock, a crash', {
      ...WIPED,
      lock_losses: 1,
      rebuilder_crashes: 1,
    }),
  ),
  bounded(safe('failover', 'a stale replica is promoted, twice', { failovers: 2, syncs: 2 })),
  bounded(
    safe('two-apis', 'two command-apis, a wipe, a failover', {
      wipes: 1,
      failovers: 1,
      apis: 2,
      disconnects: 1,
    }),
  ),
  bounded(
    safe('isolated', 'an old master goes on, and nobody waits for it', {
      ...ISOLATED,
      strict: 0,
      attempts: 4,
    }),
  ),
  bounded(
    safe('waited-out', 'the same, waited out (P12)', { ...ISOLATED, lock_losses: 1, wait_out: 2 }),
  ),
  bounded(safe('top-up', 'stock is added', { ...WIPED, top_up: 1 })),
  bounded(
    safe('creation', 'a coupon is created, and missed by the scan', {
      needless_rebuilds: 1,
      create: 1,
      scan_misses: 1,
    }),
  ),
  bounded(safe('returns', 'redeemed, undone, revoked', { ...WIPED, returns: 1 })),
  bounded(
    safe('refused', 'an event is refused by the log for good', {
      ...WIPED,
      failovers: 1,
      refusals: 1,
    }),
  ),
  bounded(
    safe('addition', 'a partition is added, late, by a rebuilder that lost its lock', {
      ...RACE,
      ...ADDITION,
    }),
  ),
  bounded(
    safe('replication-id', 'the replication id changes by itself (P10 left out)', {
      replication_id_changes: 1,
      lock_losses: 1,
    }),
  ),
  bounded(
    safe('in-place-in-script', 'promoted behind open connections; scripts compare the id', {
      promotions_in_place: 1,
      replication_id_in_script: 1,
    }),
  ),
  bounded(
    safe('in-place-after', 'promoted behind open connections; the id is asked after deciding', {
      promotions_in_place: 1,
      replication_id_after_decide: 1,
    }),
  ),
  bounded(readers('readers', 'projector, rebuild, snapshot', {})),

  safe('all-faults', 'every fault once', ALL_FAULTS),
  safe('all-but-failover', 'two command-apis, every fault but a failover', {
    ...ALL_FAULTS,
    apis: 2,
    failovers: 0,
  }),
  safe('two-failovers', 'two failovers, a lost lock', { failovers: 2, syncs: 2, lock_losses: 1 }),
  safe('two-wipes', 'two command-apis, two wipes', { apis: 2, wipes: 2, lock_losses: 1 }),
  {
    ...safe('two-units', 'two units, three users', {
      quantity: 2,
      users: 3,
      wipes: 1,
      failovers: 1,
    }),
    sizes: { EVENTS: 4 },
  },
  safe('isolated-longer', 'an old master goes on, five attempts', {
    ...ISOLATED,
    strict: 0,
    attempts: 5,
    needless_rebuilds: 1,
  }),
  safe('waited-out-faults', 'two command-apis, an old master is waited out', {
    ...ISOLATED,
    apis: 2,
    wipes: 1,
    lock_losses: 1,
    wait_out: 2,
  }),
  safe('top-up-failover', 'stock is added, two losses of Redis', {
    wipes: 1,
    failovers: 1,
    top_up: 1,
  }),
  safe('top-up-isolated', 'stock is added, an old master goes on', {
    ...ISOLATED,
    strict: 0,
    attempts: 3,
    top_up: 1,
  }),
  safe('creation-faults', 'a coupon is created, and missed by the scan', {
    ...RACE,
    wipes: 1,
    create: 1,
    scan_misses: 1,
  }),
  safe('returns-failover', 'redeemed, undone, revoked, refused; two losses of Redis', {
    wipes: 1,
    failovers: 1,
    returns: 1,
    refusals: 1,
  }),
  safe('returns-race', 'redeemed, undone, revoked; two rebuilders', { ...RACE, returns: 1 }),
  safe('refused-faults', 'an event is refused by the log for good', {
    ...ALL_FAULTS,
    rebuilder_crashes: 0,
    refusals: 1,
  }),
  safe('addition-faults', 'a partition is added late, two losses of Redis', {
    ...ADDITION,
    wipes: 1,
    failovers: 1,
    lock_losses: 1,
  }),
  safe('addition-open', 'a partition is added behind an open gate', {
    ...ADDITION,
    wipes: 1,
    failovers: 1,
    added_behind_an_open_gate: 1,
  }),
  safe('in-place-faults', 'promoted behind open connections, a wipe; scripts compare the id', {
    wipes: 1,
    promotions_in_place: 1,
    lock_losses: 1,
    replication_id_in_script: 1,
  }),
  safe('in-place-after-faults', 'the same; the id is asked after deciding', {
    wipes: 1,
    promotions_in_place: 1,
    replication_id_after_decide: 1,
  }),
  { ...readers('readers-longer', 'six records', {}), sizes: { LENGTH: 6 } },
  {
    ...readers('readers-of-two', 'two partitions of three records', { snapshots: 0 }),
    sizes: { LENGTH: 3, PARTITIONS: 2 },
  },

  covered('P1', 'without-P1', 'no gate in the scripts; P2 covers it', {
    ...WIPED,
    lock_losses: 1,
    create: 1,
    no_gate_in_script: 1,
  }),
  covered('P2', 'without-P2', 'no claim check, but the old master is waited out', {
    ...ISOLATED,
    wait_out: 2,
    lock_losses: 1,
    ...WITHOUT_P2,
  }),
  covered('P14', 'without-P14', 'deletion for closing markers, and no P2; the lock covers it', {
    ...RACE,
    wipes: 1,
    ...WITHOUT_P2,
    no_closing_markers: 1,
  }),
  covered('P14', 'without-order', 'markers before the close; P2 covers it', {
    ...RACE,
    markers_first: 1,
  }),
  covered('P17', 'without-lock', 'no lock in the scripts, and no P2; closing markers cover it', {
    ...RACE,
    wipes: 1,
    ...WITHOUT_P2,
    no_lock_fence: 1,
  }),
];

/** With one rule broken, and where said others left out that would cover it, a promise must fall. */
const BROKEN: readonly ModelRun[] = [
  broken('P1', 'no-gate-in-script', 'scripts look at the coupon alone (and no P2)', LOST, {
    ...WIPED,
    ...WITHOUT_P2,
    create: 1,
    no_gate_in_script: 1,
  }),
  broken('P1', 'missed-by-scan', 'the same, a coupon missed by the scan', LOST, {
    ...RACE,
    ...WITHOUT_P2,
    create: 1,
    scan_misses: 1,
    no_gate_in_script: 1,
  }),
  broken('P2', 'answer-on-ack', 'answered on the acknowledgement alone', LOST, {
    ...WIPED,
    answer_on_ack: 1,
  }),
  broken('P2', 'no-claim-check', 'no claim check, an old master goes on', LOST, {
    ...ISOLATED,
    ...WITHOUT_P2,
  }),
  broken('P3', 'confirm-with-gate', "confirms with the gate's epoch (and no P2)", LOST, {
    ...RACE,
    disconnects: 1,
    ...WITHOUT_P2,
    confirm_with_gate_epoch: 1,
  }),
  broken('P4', 'top-up-at-decide', 'a top-up gives at decide', TOO_MANY, {
    ...WIPED,
    top_up: 1,
    top_up_at_decide: 1,
  }),
  broken('P4', 'return-at-decide', 'a revocation gives back at decide', TOO_MANY, {
    ...WIPED,
    returns: 1,
    return_at_decide: 1,
  }),
  broken(
    'P4',
    'revoke-unconfirmed',
    'revokes what is not confirmed',
    'revoked what is not assigned',
    {
      returns: 1,
      revoke_before_confirm: 1,
    },
  ),
  broken('P4', 'redeem-at-confirm', 'a redemption takes at confirm', REDEEMED_AND_REVOKED, {
    returns: 1,
    redeem_at_confirm: 1,
  }),
  broken('P4', 'undo-at-decide', 'an undo gives back at decide', REDEEMED_AND_REVOKED, {
    ...WIPED,
    returns: 1,
    undo_at_decide: 1,
  }),
  broken('P5', 'repeat-early', 'a repeat is answered while in the outbox', LOST, {
    ...WIPED,
    repeat_answered_early: 1,
  }),
  broken('P6', 'release', 'a unit is released on a timeout', TOO_MANY, {
    release_on_timeout: 1,
  }),
  broken('P7', 'quarantine-releases', 'what is quarantined gives its unit back', TOO_MANY, {
    refusals: 1,
    quarantine_releases: 1,
  }),
  broken('P7', 'quarantine-answered', 'a repeat is answered with what is quarantined', LOST, {
    refusals: 1,
    quarantine_answered: 1,
  }),
  broken('P8', 'no-replication-id', 'the gate is believed on any server', TOO_MANY, {
    ...FAILED_OVER,
    gate_without_replication_id: 1,
  }),
  broken('P8', 'in-place', 'a promotion behind open connections', TOO_MANY, {
    promotions_in_place: 1,
  }),
  broken('P9', 'rebuild-late', 'a rebuild starts only without a gate', UNSETTLED, {
    ...FAILED_OVER,
    rebuild_only_without_gate: 1,
  }),
  broken('P11', 'lock-retaken', 'the lock is taken again (deletion, and no P2)', LOST, {
    ...RACE,
    lock_losses: 2,
    ...WITHOUT_P2,
    no_closing_markers: 1,
    lock_retaken: 1,
  }),
  broken('P11', 'claim-first', 'claims before it has the lock (and no P2)', LOST, {
    ...RACE,
    wipes: 1,
    ...WITHOUT_P2,
    claim_first: 1,
  }),
  broken('P11', 'follows-master', 'the rebuilder follows the master (and no P2)', LOST, {
    ...RACE,
    failovers: 1,
    ...WITHOUT_P2,
    rebuilder_follows_master: 1,
  }),
  broken('P12', 'no-wait', 'two sides fence each other: both attempts are used up', UNSETTLED, {
    ...ISOLATED,
    attempts: 3,
  }),
  broken('P12', 'wait-too-late', 'waits after the claim, before the markers (and no P2)', LOST, {
    ...ISOLATED,
    needless_rebuilds: 1,
    ...WITHOUT_P2,
    wait_out: 1,
  }),
  broken('P13', 'epoch-from-redis', 'the epoch is counted in Redis', TOO_MANY, {
    ...WIPED,
    epoch_from_redis: 1,
  }),
  broken('P14', 'no-close', 'nothing is closed (and no P2)', LOST, {
    ...RACE,
    ...WITHOUT_P2,
    no_closing_markers: 1,
    no_close: 1,
  }),
  broken('P14', 'markers-first', 'markers before the close (and no P2)', LOST, {
    ...RACE,
    ...WITHOUT_P2,
    markers_first: 1,
  }),
  broken(
    'P14',
    'no-closing-markers',
    'deletion for closing markers (no lock in scripts, no P2)',
    LOST,
    {
      ...RACE,
      ...WITHOUT_P2,
      no_lock_fence: 1,
      no_closing_markers: 1,
    },
  ),
  broken('P15', 'no-markers', 'no markers', TOO_MANY, { ...WIPED, no_markers: 1 }),
  broken('P16', 'fold-too-far', 'folds past its own marker', 'a fold that the log never was', {
    ...RACE,
    returns: 1,
    no_exact_fold: 1,
    no_abort_on_higher: 1,
  }),
  broken('P17', 'unfenced', 'writes and gate without lock and epoch (and no P2)', LOST, {
    ...RACE,
    ...WITHOUT_P2,
    write_without_lock: 1,
    gate_without_fence: 1,
  }),
  broken(
    'P19',
    'added-in-the-open',
    'a partition is added behind an open gate',
    LOST,
    OPEN_ADDITION,
  ),
  broken('P19', 'added-too-late', 'added behind a closed gate, but late; the brokers count', LOST, {
    ...ADDITION,
    lock_losses: 1,
    needless_rebuilds: 1,
    partitions_from_brokers: 1,
  }),
  broken('P19', 'unmarked-counts', 'what is in an unmarked partition counts', TOO_MANY, {
    ...OPEN_ADDITION,
    failovers: 1,
    isolations: 1,
    strict: 0,
    unmarked_counts: 1,
  }),
  broken('P19', 'stale-listing', 'a rebuild is shown too few partitions', TOO_MANY, {
    ...ADDITION,
    rebuilders: 1,
    needless_rebuilds: 2,
    stale_listing: 1,
  }),
  brokenReaders('P18', 'marker-in-memory', 'the projector forgets the marker', {
    marker_in_memory: 1,
  }),
  brokenReaders('P18', 'snapshot-no-marker', 'a snapshot without the marker', {
    snapshot_without_marker: 1,
  }),
  brokenReaders('P16', 'fenced-drops-event', 'a fenced copy cancels a valid one', {
    fenced_drops_event: 1,
  }),
  brokenReaders('P16', 'whole-partition', 'the highest marker of the whole partition', {
    marker_of_whole_partition: 1,
  }),
  brokenReaders('P19', 'projector-unmarked', 'the projector counts what is unmarked', {
    projector_counts_unmarked: 1,
  }),
];

/** Every run, the safe ones first. */
export const MODEL_RUNS: readonly ModelRun[] = [...SAFE, ...BROKEN];

function safe(name: string, about: string, settings: Settings): ModelRun {
  return {
    name,
    model: 'epochs',
    rules: [],
    about,
    sizes: {},
    settings,
    violates: null,
    bounded: false,
  };
}

/** A rule is left out, and the other rules hold the promises without it. */
function covered(rule: string, name: string, about: string, settings: Settings): ModelRun {
  return { ...safe(name, about, settings), rules: [rule] };
}

function readers(name: string, about: string, settings: Settings): ModelRun {
  return { ...safe(name, about, settings), model: 'log', rules: ['P16', 'P18'] };
}

function bounded(run: ModelRun): ModelRun {
  return { ...run, bounded: true };
}

function broken(
  rule: string,
  name: string,
  about: string,
  violates: string,
  settings: Settings,
): ModelRun {
  return { ...safe(name, about, settings), rules: [rule], violates, bounded: true };
}

function brokenReaders(rule: string, name: string, about: string, settings: Settings): ModelRun {
  return { ...broken(rule, name, about, READERS_DIFFER, settings), model: 'log' };
}

/* The promise under fire: deciding, emitting, confirming, and the change of epochs.
 *
 * P1..P19 are the rules in docs/guarantees.md. README.md says how to run this, what the settings are,
 * and what is left out.
 *
 * One process of atomic, guarded steps; of those that are possible, any may happen next. There are no
 * clocks: what may expire, may expire at any moment.
 *
 * The log. Whether a record counts depends only on the records before it in its partition, so no
 * record has to be kept:
 *   marker[p]      the highest EpochStarted in partition p so far (0: none, nothing counts)
 *   inLog          the events of which at least one copy counts
 *   acknowledged   the events of which some command-api got an acknowledgement, even for a fenced copy
 * A decided event may be appended at any later moment, any number of times, acknowledged or not. That
 * is delay, unknown outcome, repeats, and relays of all processes, those included that read an outbox
 * which is lost by now. log.pml shows that the readers of the real log agree with this.
 *
 * Redis. Two servers; `current` is the master. The other one is dead, or an isolated old master that
 * still takes writes. `replica` is what a failover promotes: the state of some earlier moment.
 *
 * A newline ends a statement: a condition that goes on has its && at the end of the line.
 */

#ifndef EVENTS
#define EVENTS 3                      /* assignments that can be decided in all: 3 or 4 */
#endif

/* Events: 0, 1, ... are the assignments, then: */
#define REVOKE          (EVENTS)
#define REDEEM          (EVENTS + 1)
#define UNDO            (EVENTS + 2)  /* of the redemption */
#define LIFECYCLE       (EVENTS + 3)  /* a top-up of the coupon, or the creation of another one */
#define ALL_EVENTS      (EVENTS + 4)

/* Partitions: 0 and 1 of coupon-assign, and: */
#define ADDED           2             /* one that is added to coupon-assign on the way */
#define OF_LIFECYCLE    3             /* the one of coupon-lifecycle */
#define PARTITIONS      4

/* ---- Settings, read from the environment when a run starts ---------------------------------- */

c_decl {
\#include <stdlib.h>
/* how much there is of everything */
int quantity, users, apis, rebuilders, attempts, strict, isolations, wait_out;
int top_up, create, returns, additions;
/* a rule left out or broken, each 0 or 1; what each means is said where it is used */
int no_gate_in_script, no_claim_check, no_exact_fold, no_abort_on_higher, no_closing_markers, close_at_once;
int answer_on_ack, confirm_with_gate_epoch, repeat_answered_early, release_on_timeout;
int top_up_at_decide, return_at_decide, undo_at_decide, redeem_at_confirm, revoke_before_confirm;
int quarantine_releases, quarantine_answered;
int gate_without_replication_id, rebuild_only_without_gate, epoch_from_redis;
int rebuilder_follows_master, lock_retaken, claim_first;
int no_close, no_markers, markers_first, no_lock_fence, write_without_lock, gate_without_fence;
int partitions_from_brokers, added_behind_an_open_gate, unmarked_counts, stale_listing;
/* P8, the master check (docs/adr/0014), or the same inside the script: the other runs do without */
int replication_id_in_script, replication_id_after_decide;
}
#define setting(name, otherwise) (getenv(name) ? atoi(getenv(name)) : (otherwise))
#define flag(name) name = setting(#name, 0)
#define is(name) c_expr { name }

inline readSettings() {
  c_code {
    quantity = setting("quantity", 1); users = setting("users", 2); apis = setting("apis", 1);
    rebuilders = setting("rebuilders", 2); attempts = setting("attempts", 8); strict = setting("strict", 1);
    isolations = setting("isolations", 0); wait_out = setting("wait_out", 0);
    top_up = setting("top_up", 0); create = setting("create", 0);
    returns = setting("returns", 0); additions = setting("additions", 0);

    flag(no_gate_in_script); flag(no_claim_check); flag(no_exact_fold); flag(no_abort_on_higher);
    flag(no_closing_markers); flag(close_at_once);
    flag(answer_on_ack); flag(confirm_with_gate_epoch); flag(repeat_answered_early); flag(release_on_timeout);
    flag(top_up_at_decide); flag(return_at_decide); flag(undo_at_decide); flag(redeem_at_confirm);
    flag(revoke_before_confirm); flag(quarantine_releases); flag(quarantine_answered);
    flag(gate_without_replication_id); flag(rebuild_only_without_gate); flag(epoch_from_redis);
    flag(rebuilder_follows_master); flag(lock_retaken); flag(claim_first);
    flag(no_close); flag(no_markers); flag(markers_first); flag(no_lock_fence); flag(write_without_lock);
    flag(gate_without_fence);
    flag(partitions_from_brokers); flag(added_behind_an_open_gate); flag(unmarked_counts); flag(stale_listing);
    flag(replication_id_in_script); flag(replication_id_after_decide);

    now.wipes = setting("wipes", 0); now.failovers = setting("failovers", 0);
    now.syncs = setting("syncs", 1); now.lockLosses = setting("lock_losses", 0);
    now.rebuilderCrashes = setting("rebuilder_crashes", 0); now.disconnects = setting("disconnects", 0);
    now.needlessRebuilds = setting("needless_rebuilds", 0);
    now.promotionsInPlace = setting("promotions_in_place", 0);
    now.replicationIdChanges = setting("replication_id_changes", 0);
    now.refusals = setting("refusals", 0); now.scanMisses = setting("scan_misses", 0);
    now.releases = release_on_timeout; now.partitionsToAdd = additions;
  }
}

/* ---- State ---------------------------------------------------------------------------------- */

typedef Redis {
  byte replicationId;                 /* 0: this server is dead */
  byte gateEpoch;                     /* 0: closed */
  byte gateReplicationId;
  byte gatePartitions;                /* of coupon-assign, when the gate was opened; with `additions` */
  byte gateClosing;                   /* the closing marker {closing} in the place of the gate */
  byte lock;                          /* the token of its holder */
  byte epoch;                         /* the coupon's; 0: there is no coupon, or a closing marker */
  byte closing;                       /* the closing marker in the place of the coupon */
  byte remaining;
  byte assigned;                      /* set of events: assignments held, and what was done to them */
  byte outbox;                        /* set of events */
  byte quarantined;                      /* set of assignments: refused by the log for good */
  byte newEpoch;                      /* a second coupon, the one that is created: its epoch, 0: not there */
  byte newOutbox
};

Redis redis[2];
Redis replica;
bit current;
bit isolated;                         /* the other server is an old master that takes writes */

byte lastReplicationId = 1;
byte lastClaim = 1;                   /* claims are numbered as their offsets: the newest epoch */
byte lastToken = 1;

byte marker[PARTITIONS];
byte inLog, acknowledged;
byte checked;                         /* acknowledged, and no newer claim was there then (P2) */
byte promised;                        /* answered 2xx from Redis alone (repeat_answered_early) */
byte decided;                         /* how many assignments were decided in all */
byte userOf[EVENTS];                  /* 1.. */
byte epochOf[ALL_EVENTS];             /* 0: not decided */
byte partitionOf[ALL_EVENTS];
byte revoked, redeemed;               /* what REVOKE and REDEEM are about: assignment + 1 */
byte vouched;                         /* decided on the very master that the gate was opened on */
byte partitions = 2;                  /* of coupon-assign */

/* A command-api: its connection (0: none, else server + 1), its epoch, the partitions it knows. */
byte link[2], linkEpoch[2], linkPartitions[2];

/* A rebuilder. */
byte phase[2], server[2], pinned[2], token[2], own[2], listed[2], marked[2], hasRead[2], fold[2];
#define IDLE            0
#define LOCKED          1
#define CLAIMED         2
#define CLOSED          3
#define MARKED          4
#define FOLDED          5
#define WRITTEN         6
#define GATE_CLOSED     7             /* between CLAIMED and CLOSED */
#define CLAIMED_ONLY    9             /* claim_first */

/* What may still happen. */
byte wipes, failovers, syncs, lockLosses, rebuilderCrashes, needlessRebuilds, disconnects;
byte promotionsInPlace, replicationIdChanges, refusals, scanMisses, releases, partitionsToAdd;

/* ---- What a set of events says, and the promises --------------------------------------------- */

#define bit_of(x)       (1 << (x))
#define in(x, set)      ((set) & bit_of(x))
#define ASSIGNMENTS     (bit_of(EVENTS) - 1)
#define count(set)      (((set)&1) + (((set)>>1)&1) + (((set)>>2)&1) + (((set)>>3)&1))

#define stock(set)      (is(quantity) + (is(top_up) && in(LIFECYCLE, set)))
#define returned(set)   (in(REVOKE, set) -> bit_of(revoked - 1) : 0)
#define holding(set)    ((set) & ASSIGNMENTS & ~(returned(set)))       /* assigned and not returned */
#define ofCoupon        (is(create) -> ~bit_of(LIFECYCLE) : 255)
#define asRedis(set)    ((set) & ofCoupon & ~(returned(set)))          /* what `assigned` has to be */

#define twice(x, y)     (in(x, holding(inLog)) && in(y, holding(inLog)) && userOf[x] == userOf[y])
#if EVENTS == 3
#define someoneTwice    (twice(0,1) || twice(0,2) || twice(1,2))
#else
#define someoneTwice    (twice(0,1) || twice(0,2) || twice(1,2) || twice(0,3) || twice(1,3) || twice(2,3))
#endif

#define must(condition, otherwise) \
  if :: (condition) :: else -> printf("VIOLATED: "); printf(#otherwise); printf("\n"); assert(false) fi

/* Looked at whenever the log grows. */
inline checkLog() {
  must(count(holding(inLog)) <= stock(inLog), one too many);
  must(!someoneTwice, a user over the limit);
  must(!in(REVOKE, inLog) || in(revoked - 1, inLog), revoked what is not assigned);
  must(!in(REDEEM, inLog) || in(redeemed - 1, inLog), redeemed what is not assigned);
  must(!in(UNDO, inLog) || in(REDEEM, inLog), undone what is not redeemed);
  must(!(in(REVOKE, inLog) && in(REDEEM, inLog) && revoked == redeemed) || in(UNDO, inLog), redeemed and revoked)
}
/* Looked at whenever somebody is answered 2xx. */
inline checkAnswer(x) {
  must(in(x, inLog), an accepted one is lost)
}

/* ---- The gate, and what scripts compare ------------------------------------------------------- */

#define alive(slot)     ((slot) == current || isolated)
#define at(api)         (link[api] - 1)
#define compared(slot)  (redis[slot].gateEpoch != 0 && (is(gate_without_replication_id) \
                         || redis[slot].gateReplicationId == redis[slot].replicationId))

/* P1: every script reads the gate's and the coupon's epoch. */
#define gateAgrees(slot, e) \
  ((is(no_gate_in_script) || redis[slot].gateEpoch == (e)) \
  && (!is(replication_id_in_script) || redis[slot].gateReplicationId == redis[slot].replicationId))
#define agrees(slot, e) (redis[slot].epoch != 0 && redis[slot].epoch == (e) && gateAgrees(slot, e))

#define open(slot)      (compared(slot) && redis[slot].epoch == redis[slot].gateEpoch)
#define oddCoupon(slot) (redis[slot].newEpoch != 0 && redis[slot].newEpoch != redis[slot].gateEpoch)
/* P9: closed, and a rebuild starts. */
#define needsRebuild(slot) \
  (is(rebuild_only_without_gate) -> redis[slot].gateEpoch == 0 \
  : (!open(slot) || oddCoupon(slot) || (!is(no_claim_check) && lastClaim > redis[slot].gateEpoch)))

/* P2: what may be confirmed. */
#define confirmable     (is(no_claim_check) -> acknowledged : checked)
/* P3 */
#define confirmsIn(api, x) (is(confirm_with_gate_epoch) -> linkEpoch[api] : epochOf[x])

/* The fencing rule of projector, rebuild and verifier (P16, P19). */
#define counts(x) \
  (epochOf[x] >= marker[partitionOf[x]] && (marker[partitionOf[x]] != 0 || is(unmarked_counts)))

/* ---- A command-api ---------------------------------------------------------------------------- */

/* P8: it decides only after it compared the gate with the server it reached. That it asks for the
   newest claim then, too, is left out here: these command-apis are less careful than ours. */
inline connect(api, slot) {
  d_step {
    api < is(apis) && link[api] == 0 && alive(slot) && compared(slot) ->
    link[api] = slot + 1; linkEpoch[api] = redis[slot].gateEpoch; linkPartitions[api] = redis[slot].gatePartitions;
    printf("command-api %d connects to Redis %d (replication id %d), gate of epoch %d\n", api, slot, redis[slot].replicationId, linkEpoch[api])
  }
}
inline unlink(api) {
  link[api] = 0; linkEpoch[api] = 0; linkPartitions[api] = 0
}
/* P9: a script found another epoch. */
inline recheck(api) {
  d_step {
    link[api] != 0 && redis[at(api)].epoch != linkEpoch[api] && redis[at(api)].gateEpoch != linkEpoch[api] ->
    unlink(api);
    printf("command-api %d: the epochs differ, closed\n", api)
  }
}

#define didBefore(user) (userOf[0] == (user) || userOf[1] == (user) || userOf[2] == (user))
#define holds1(slot, user, x) (in(x, redis[slot].assigned) && userOf[x] == (user) + 1)
#if EVENTS == 3
#define holds(slot, user) (holds1(slot, user, 0) || holds1(slot, user, 1) || holds1(slot, user, 2))
#else
#define holds(slot, user) (holds1(slot, user, 0) || holds1(slot, user, 1) || holds1(slot, user, 2) || holds1(slot, user, 3))
#endif

/* P19: it writes only to the partitions that the gate was opened for. */
#define writesTo(api, part) ((part) != ADDED || (is(partitions_from_brokers) -> partitions : linkPartitions[api]) > ADDED)

/* One that asks, after deciding, whether this was still the gate's own master. */
#define emitted(x) (!is(replication_id_after_decide) || in(x, vouched))
inline vouch(slot, x) {
  if
  :: redis[slot].gateReplicationId == redis[slot].replicationId -> vouched = vouched | bit_of(x)
  :: else
  fi
}

/* P4: unit and slot are taken by the script that decides, together with the entry in the outbox.
   Users are alike, and so are partitions 0 and 1: user 0 begins, in partition 0 or in the added one. */
inline assign(api, user, part) {
  d_step {
    decided < EVENTS && user < is(users) && link[api] != 0 && (decided > 0 || (user == 0 && part != 1)) &&
      (user == 0 || didBefore(user)) && writesTo(api, part) &&
      agrees(at(api), linkEpoch[api]) && redis[at(api)].remaining > 0 && !holds(at(api), user) ->
    userOf[decided] = user + 1; epochOf[decided] = linkEpoch[api]; partitionOf[decided] = part;
    redis[at(api)].remaining--;
    redis[at(api)].assigned = redis[at(api)].assigned | bit_of(decided);
    redis[at(api)].outbox = redis[at(api)].outbox | bit_of(decided);
    vouch(at(api), decided);
    printf("command-api %d decides on Redis %d: event %d assigns to user %d, epoch %d, partition %d\n", api, at(api), decided, user, linkEpoch[api], part);
    decided++
  }
}

inline append(x) {
  d_step {
    epochOf[x] != 0 && !in(x, inLog) && emitted(x) && counts(x) ->
    inLog = inLog | bit_of(x);
    printf("the log: event %d (epoch %d) appended to partition %d, it counts, nobody is answered\n", x, epochOf[x], partitionOf[x]);
    checkLog()
  }
}
inline acknowledge(x) {
  d_step {
    epochOf[x] != 0 && !in(x, acknowledged) && emitted(x) ->
    acknowledged = acknowledged | bit_of(x);
    if
    :: counts(x) ->
       inLog = inLog | bit_of(x);
       printf("the log: event %d (epoch %d) appended to partition %d, it counts, acknowledged\n", x, epochOf[x], partitionOf[x])
    :: else ->
       printf("the log: event %d (epoch %d) appended to partition %d behind marker %d: FENCED, but acknowledged\n", x, epochOf[x], partitionOf[x], marker[partitionOf[x]])
    fi;
    checkLog()
  }
}

/* P2 */
inline checkClaims(x) {
  d_step {
    in(x, acknowledged) && !in(x, checked) && !is(no_claim_check) && lastClaim == epochOf[x] ->
    checked = checked | bit_of(x);
    printf("after the acknowledgement of event %d there is no newer claim than %d\n", x, lastClaim)
  }
}

#define mayConfirm(api, x) \
  (link[api] != 0 && epochOf[x] != 0 && in(x, confirmable) && agrees(at(api), confirmsIn(api, x)) \
  && !(is(create) && x == LIFECYCLE))

/* P4: what an event gives, it gives when it is confirmed. */
inline giveBack(slot) {
  redis[slot].remaining++;
  redis[slot].assigned = redis[slot].assigned & ~bit_of(revoked - 1)
}
inline confirm(api, x) {
  d_step {
    mayConfirm(api, x) && in(x, redis[at(api)].outbox | redis[at(api)].quarantined) ->
    redis[at(api)].outbox = redis[at(api)].outbox & ~bit_of(x);
    redis[at(api)].quarantined = redis[at(api)].quarantined & ~bit_of(x);
    if
    :: x == LIFECYCLE && !is(top_up_at_decide) -> redis[at(api)].remaining++
    :: x == REVOKE && !is(return_at_decide) -> giveBack(at(api))
    :: else
    fi;
    printf("command-api %d confirms event %d on Redis %d -> 2xx\n", api, x, at(api));
    checkAnswer(x)
  }
}
/* P3: confirmed before, by somebody else. Changes nothing, so it is a step only where it is wrong. */
inline confirmAgain(api, x) {
  d_step {
    mayConfirm(api, x) && !in(x, redis[at(api)].outbox | redis[at(api)].quarantined) && !in(x, inLog) ->
    printf("command-api %d confirms event %d on Redis %d (not in the outbox any more) -> 2xx\n", api, x, at(api));
    checkAnswer(x)
  }
}

/* P5: the same request again, answered from Redis: only when the event is out of the outbox.
   P7: and never with one that is quarantined. */
#define answerable(slot, x) (!in(x, redis[slot].quarantined) || is(quarantine_answered))
inline repeat(api, x) {
  d_step {
    link[api] != 0 && in(x, redis[at(api)].assigned) && !in(x, inLog) && agrees(at(api), linkEpoch[api]) &&
      (is(repeat_answered_early) -> !in(x, promised) : !in(x, redis[at(api)].outbox)) && answerable(at(api), x) ->
    printf("command-api %d: a repeat of the request of event %d is answered 2xx from Redis %d\n", api, x, at(api));
    if
    :: is(repeat_answered_early) -> promised = promised | bit_of(x)      /* it may become true yet */
    :: else -> checkAnswer(x)
    fi
  }
}
#define promiseHolds(x) (!in(x, promised) || in(x, inLog) || epochOf[x] >= marker[partitionOf[x]])

/* Against P2. */
inline answerOnAcknowledgement(x) {
  d_step {
    is(answer_on_ack) && in(x, acknowledged) && !in(x, inLog) ->
    printf("event %d is answered 2xx on its acknowledgement alone\n", x);
    checkAnswer(x)
  }
}
/* Against P6. */
inline release(api, x) {
  d_step {
    releases > 0 && link[api] != 0 && epochOf[x] != 0 && redis[at(api)].epoch == epochOf[x] &&
      in(x, redis[at(api)].outbox) && !in(x, acknowledged) ->
    releases--;
    redis[at(api)].outbox = redis[at(api)].outbox & ~bit_of(x);
    redis[at(api)].assigned = redis[at(api)].assigned & ~bit_of(x);
    redis[at(api)].remaining++;
    printf("command-api %d: a timeout, it releases the unit of event %d\n", api, x)
  }
}

/* P7: the log refuses it for good, after attempts whose outcome nobody knows: it becomes a dead letter,
   is quarantined, out of the outbox, and keeps its unit until the next rebuild, or until it is confirmed
   because it got in after all. */
inline refuse(api, x) {
  d_step {
    refusals > 0 && link[api] != 0 && epochOf[x] != 0 && in(x, redis[at(api)].outbox) && agrees(at(api), epochOf[x]) ->
    refusals--;
    redis[at(api)].outbox = redis[at(api)].outbox & ~bit_of(x);
    if
    :: is(quarantine_releases) ->
       redis[at(api)].assigned = redis[at(api)].assigned & ~bit_of(x);
       redis[at(api)].remaining++;
       printf("command-api %d: event %d is refused, a dead letter, and its unit released\n", api, x)
    :: else ->
       redis[at(api)].quarantined = redis[at(api)].quarantined | bit_of(x);
       printf("command-api %d: event %d is refused, a dead letter, and quarantined\n", api, x)
    fi
  }
}

inline disconnect(api) {
  d_step {
    disconnects > 0 && link[api] != 0 ->
    disconnects--;
    unlink(api);
    printf("FAULT: command-api %d crashes, or loses its connection\n", api)
  }
}

/* ---- The other commands ------------------------------------------------------------------------ */

inline decide(api, x, part) {
  epochOf[x] = linkEpoch[api]; partitionOf[x] = part;
  redis[at(api)].assigned = redis[at(api)].assigned | bit_of(x);
  redis[at(api)].outbox = redis[at(api)].outbox | bit_of(x);
  vouch(at(api), x)
}
#define mayDecide(api, x) (epochOf[x] == 0 && link[api] != 0 && agrees(at(api), linkEpoch[api]))

inline topUp(api) {
  d_step {
    is(top_up) && mayDecide(api, LIFECYCLE) ->
    decide(api, LIFECYCLE, OF_LIFECYCLE);
    if :: is(top_up_at_decide) -> redis[at(api)].remaining++ :: else fi;
    printf("command-api %d decides on Redis %d: event %d adds one to the stock, epoch %d\n", api, at(api), LIFECYCLE, linkEpoch[api])
  }
}

/* There is no coupon yet whose epoch could be compared: the gate's alone stops it (P1). */
inline createCoupon(api) {
  d_step {
    is(create) && epochOf[LIFECYCLE] == 0 && link[api] != 0 && redis[at(api)].newEpoch == 0 && gateAgrees(at(api), linkEpoch[api]) ->
    epochOf[LIFECYCLE] = linkEpoch[api]; partitionOf[LIFECYCLE] = OF_LIFECYCLE;
    redis[at(api)].newEpoch = linkEpoch[api]; redis[at(api)].newOutbox = 1;
    vouch(at(api), LIFECYCLE);
    printf("command-api %d decides on Redis %d: event %d creates a coupon, epoch %d\n", api, at(api), LIFECYCLE, linkEpoch[api])
  }
}
#define mayConfirmCreation(api) \
  (is(create) && link[api] != 0 && epochOf[LIFECYCLE] != 0 && in(LIFECYCLE, confirmable) \
  && redis[at(api)].newEpoch == epochOf[LIFECYCLE] && gateAgrees(at(api), epochOf[LIFECYCLE]))
inline confirmCreation(api) {
  d_step {
    mayConfirmCreation(api) && redis[at(api)].newOutbox ->
    redis[at(api)].newOutbox = 0;
    printf("command-api %d confirms event %d (the creation) on Redis %d -> 2xx\n", api, LIFECYCLE, at(api));
    checkAnswer(LIFECYCLE)
  }
}
inline confirmCreationAgain(api) {
  d_step {
    mayConfirmCreation(api) && !redis[at(api)].newOutbox && !in(LIFECYCLE, inLog) ->
    printf("command-api %d confirms event %d (the creation) on Redis %d -> 2xx\n", api, LIFECYCLE, at(api));
    checkAnswer(LIFECYCLE)
  }
}

/* P4: an assignment is there for others, to redeem or to revoke, once its event is confirmed. */
#define isThere(slot, x) \
  (in(x, redis[slot].assigned) && answerable(slot, x) && (!in(x, redis[slot].outbox) || is(revoke_before_confirm)))
/* What takes acts at decide: a redemption on its way stands in a revocation's way, and the reverse.
   What gives acts at confirm: an undo on its way gives nothing back yet. */
#define standsRedeemed(slot, x) \
  (in(REDEEM, redis[slot].assigned) && redeemed == (x) + 1 \
  && !(is(redeem_at_confirm) && in(REDEEM, redis[slot].outbox)) \
  && !(in(UNDO, redis[slot].assigned) && (!in(UNDO, redis[slot].outbox) || is(undo_at_decide))))
#define standsRevoked(slot, x) \
  (in(REVOKE, redis[slot].assigned) && revoked == (x) + 1 && !(is(redeem_at_confirm) && in(REVOKE, redis[slot].outbox)))

/* In the partition of the assignment: the key is its id. */
inline revoke(api, x) {
  d_step {
    is(returns) && mayDecide(api, REVOKE) && isThere(at(api), x) && !standsRedeemed(at(api), x) ->
    revoked = x + 1;
    decide(api, REVOKE, partitionOf[x]);
    if :: is(return_at_decide) -> giveBack(at(api)) :: else fi;
    printf("command-api %d decides on Redis %d: event %d revokes %d, epoch %d\n", api, at(api), REVOKE, x, linkEpoch[api])
  }
}
inline redeem(api, x) {
  d_step {
    is(returns) && mayDecide(api, REDEEM) && isThere(at(api), x) && !standsRevoked(at(api), x) ->
    redeemed = x + 1;
    decide(api, REDEEM, partitionOf[x]);
    printf("command-api %d decides on Redis %d: event %d redeems %d, epoch %d\n", api, at(api), REDEEM, x, linkEpoch[api])
  }
}
inline undo(api) {
  d_step {
    is(returns) && mayDecide(api, UNDO) && in(REDEEM, redis[at(api)].assigned) && !in(REDEEM, redis[at(api)].outbox) ->
    decide(api, UNDO, partitionOf[REDEEM]);
    printf("command-api %d decides on Redis %d: event %d undoes the redemption of %d, epoch %d\n", api, at(api), UNDO, redeemed - 1, linkEpoch[api])
  }
}

/* ---- A rebuilder: lock, (wait), claim, close, mark, fold, write, gate -------------------------- */

#define seat(reb)       (is(rebuilder_follows_master) -> current : server[reb])
/* P17, the two fences in every script of the rebuild: the replication id that was read with the lock... */
#define reaches(reb) \
  (is(rebuilder_follows_master) || (alive(server[reb]) && redis[server[reb]].replicationId == pinned[reb]))
/* ... and the token of the lock. */
#define isHolder(reb)   (redis[seat(reb)].lock == token[reb])
#define fenced(reb)     (reaches(reb) && (isHolder(reb) || is(no_lock_fence)))

/* P14: with closing markers, no step goes over a newer epoch, and each goes on with its own. */
#define higher(a, b)    ((a) > (b) -> (a) : (b))
#define highestInGate(slot) higher(redis[slot].gateEpoch, redis[slot].gateClosing)
#define gateIsOlder(reb) (is(no_closing_markers) || highestInGate(seat(reb)) < own[reb])
#define gateIsOwn(reb)   (is(no_closing_markers) || redis[seat(reb)].gateClosing == own[reb])
#define couponIsNotNewer(reb) (is(no_closing_markers) || higher(redis[seat(reb)].epoch, redis[seat(reb)].closing) <= own[reb])
#define couponIsOwn(reb) (is(no_closing_markers) || redis[seat(reb)].closing == own[reb])

#define mayCloseGate(reb)   (fenced(reb) && gateIsOlder(reb))
#define mayCloseCoupon(reb) (fenced(reb) && gateIsOwn(reb) && couponIsNotNewer(reb))
#define mayCloseAtOnce(reb) (mayCloseGate(reb) && couponIsNotNewer(reb))
#define mayWrite(reb)       (is(write_without_lock) -> reaches(reb) : (fenced(reb) && gateIsOwn(reb) && couponIsOwn(reb)))
#define mayOpen(reb)        (is(gate_without_fence) -> reaches(reb) : (fenced(reb) && gateIsOwn(reb) && own[reb] > redis[seat(reb)].gateEpoch))

/* P12: an isolated old master has stopped taking writes by then. 1: waits before the markers, 2: before the claim. */
#define waited(reb, when) (is(wait_out) != (when) || !(server[reb] == current && isolated))

inline forget(reb) {
  phase[reb] = IDLE; server[reb] = 0; pinned[reb] = 0; token[reb] = 0; own[reb] = 0; listed[reb] = 0;
  marked[reb] = 0; hasRead[reb] = 0; fold[reb] = 0
}

#define mayStart(reb, slot) \
  (phase[reb] == IDLE && reb < is(rebuilders) && lastToken < is(attempts) && (needsRebuild(slot) || needlessRebuilds > 0))
inline start(reb, slot) {
  if :: !needsRebuild(slot) -> needlessRebuilds-- :: else fi;
  lastToken++; token[reb] = lastToken
}
inline takeLock(reb, slot) {
  redis[slot].lock = token[reb]; pinned[reb] = redis[slot].replicationId; server[reb] = slot;
  printf("rebuilder %d locks Redis %d (replication id %d), token %d\n", reb, slot, pinned[reb], token[reb])
}
/* P11: a new token at each acquisition; the replication id is read here, once, and kept. */
inline acquire(reb, slot) {
  d_step {
    !is(claim_first) && mayStart(reb, slot) && alive(slot) && redis[slot].lock == 0 ->
    start(reb, slot);
    takeLock(reb, slot);
    phase[reb] = LOCKED
  }
}
#define afterClaim (is(markers_first) -> CLOSED : CLAIMED)
/* P13: the offset of the claim is the epoch: nobody else has it, and every later one is higher. */
inline claim(reb) {
  d_step {
    phase[reb] == LOCKED && waited(reb, 2) ->
    if
    :: is(epoch_from_redis) ->
       own[reb] = highestInGate(server[reb]) + 1;
       if :: own[reb] > lastClaim -> lastClaim = own[reb] :: else fi
    :: else -> lastClaim++; own[reb] = lastClaim
    fi;
    phase[reb] = afterClaim;
    printf("rebuilder %d claims epoch %d\n", reb, own[reb])
  }
}
/* Against P11. */
inline claimFirst(reb) {
  d_step {
    is(claim_first) && mayStart(reb, current) ->
    start(reb, current);
    lastClaim++; own[reb] = lastClaim; phase[reb] = CLAIMED_ONLY;
    printf("rebuilder %d claims epoch %d before it has the lock\n", reb, own[reb])
  }
}
inline lockAfterClaim(reb, slot) {
  d_step {
    phase[reb] == CLAIMED_ONLY && alive(slot) && redis[slot].lock == 0 ->
    takeLock(reb, slot);
    phase[reb] = afterClaim
  }
}

/* P14: the gate first, then every coupon. */
#define afterClose (is(markers_first) -> MARKED : CLOSED)
inline emptyGate(reb) {
  redis[seat(reb)].gateEpoch = 0; redis[seat(reb)].gateReplicationId = 0; redis[seat(reb)].gatePartitions = 0;
  if :: is(no_closing_markers) :: else -> redis[seat(reb)].gateClosing = own[reb] fi
}
inline emptyCoupons(reb) {
  redis[seat(reb)].epoch = 0; redis[seat(reb)].remaining = 0; redis[seat(reb)].assigned = 0;
  redis[seat(reb)].outbox = 0; redis[seat(reb)].quarantined = 0;
  if
  :: scanMisses > 0 -> scanMisses = 0                                    /* a scan may miss a key that was just added */
  :: else -> redis[seat(reb)].newEpoch = 0; redis[seat(reb)].newOutbox = 0
  fi;
  if :: is(no_closing_markers) :: else -> redis[seat(reb)].closing = own[reb] fi
}
inline closeGate(reb) {
  d_step {
    phase[reb] == CLAIMED && !is(close_at_once) && !is(no_close) && mayCloseGate(reb) ->
    emptyGate(reb);
    phase[reb] = GATE_CLOSED;
    printf("rebuilder %d closes the gate on Redis %d\n", reb, seat(reb))
  }
}
inline closeCoupons(reb) {
  d_step {
    phase[reb] == GATE_CLOSED && mayCloseCoupon(reb) ->
    emptyCoupons(reb);
    phase[reb] = afterClose;
    printf("rebuilder %d closes the coupons on Redis %d\n", reb, seat(reb))
  }
}
inline closeAtOnce(reb) {
  d_step {
    phase[reb] == CLAIMED && is(close_at_once) && mayCloseAtOnce(reb) ->
    emptyGate(reb);
    emptyCoupons(reb);
    phase[reb] = afterClose;
    printf("rebuilder %d closes the gate and the coupons on Redis %d\n", reb, seat(reb))
  }
}
inline closeNothing(reb) {
  d_step {
    phase[reb] == CLAIMED && is(no_close) && fenced(reb) ->
    phase[reb] = afterClose;
    printf("rebuilder %d does NOT close\n", reb)
  }
}

/* P19: added behind the closed gate. The request is not fenced: a rebuilder that lost its lock may be
   as late with it as here. */
inline addPartition(reb) {
  d_step {
    partitionsToAdd > 0 && (is(added_behind_an_open_gate) || (phase[reb] == CLOSED && listed[reb] == 0)) ->
    partitionsToAdd--; partitions++;
    printf("partition %d is added\n", partitions - 1)
  }
}
inline listPartitions(reb) {
  d_step {
    phase[reb] == CLOSED && listed[reb] == 0 && is(additions) ->
    listed[reb] = partitions;
    printf("rebuilder %d finds %d partitions\n", reb, listed[reb])
  }
}
inline listStalePartitions(reb) {
  d_step {
    phase[reb] == CLOSED && listed[reb] == 0 && is(stale_listing) && partitions > ADDED ->
    listed[reb] = ADDED;
    printf("rebuilder %d asks a broker that knows of %d partitions only\n", reb, listed[reb])
  }
}

/* P15: on every partition, all acknowledged, before anything is folded. The log asks for no lock. */
#define isListed(reb) (listed[reb] != 0 || !is(additions))
#define isOurs(reb, part) \
  ((part) == ADDED -> listed[reb] > ADDED : ((part) != OF_LIFECYCLE || is(top_up) || is(create)))
#define every(reb) (3 | (isOurs(reb, ADDED) -> bit_of(ADDED) : 0) | (isOurs(reb, OF_LIFECYCLE) -> bit_of(OF_LIFECYCLE) : 0))
#define afterMarkers (is(markers_first) -> CLAIMED : MARKED)
inline mark(reb, part) {
  d_step {
    phase[reb] == CLOSED && isListed(reb) && isOurs(reb, part) && !in(part, marked[reb]) && waited(reb, 1) ->
    if :: !is(no_markers) && own[reb] > marker[part] -> marker[part] = own[reb] :: else fi;
    marked[reb] = marked[reb] | bit_of(part);
    printf("rebuilder %d: EpochStarted(%d) in partition %d\n", reb, own[reb], part);
    must(promiseHolds(0) && promiseHolds(1) && promiseHolds(2), an accepted one is lost);
    if :: marked[reb] == every(reb) -> phase[reb] = afterMarkers; marked[reb] = 0 :: else fi
  }
}

/* P16: exactly to the own marker; a higher one means that somebody else is further. */
inline foldOne(reb, x, part) {
  if
  :: in(x, inLog) && partitionOf[x] == part && (epochOf[x] < own[reb] || is(no_exact_fold)) -> fold[reb] = fold[reb] | bit_of(x)
  :: else
  fi
}
inline read(reb, part) {
  d_step {
    phase[reb] == MARKED && isOurs(reb, part) && !in(part, hasRead[reb]) ->
    if
    :: marker[part] > own[reb] && !is(no_abort_on_higher) ->
       printf("rebuilder %d finds a marker of a higher epoch in partition %d and gives up\n", reb, part);
       forget(reb)
    :: else ->
       foldOne(reb, 0, part); foldOne(reb, 1, part); foldOne(reb, 2, part);
#if EVENTS > 3
       foldOne(reb, 3, part);
#endif
       foldOne(reb, REVOKE, part); foldOne(reb, REDEEM, part); foldOne(reb, UNDO, part); foldOne(reb, LIFECYCLE, part);
       hasRead[reb] = hasRead[reb] | bit_of(part);
       printf("rebuilder %d has folded partition %d, events so far: %d\n", reb, part, fold[reb]);
       if
       :: hasRead[reb] == every(reb) ->
          phase[reb] = FOLDED; hasRead[reb] = 0;
          must(count(holding(fold[reb])) <= stock(fold[reb]), a fold that the log never was)
       :: else
       fi
    fi
  }
}

/* P18: what is written comes from the log alone. */
inline write(reb) {
  d_step {
    phase[reb] == FOLDED && mayWrite(reb) ->
    redis[seat(reb)].epoch = own[reb]; redis[seat(reb)].closing = 0;
    redis[seat(reb)].assigned = asRedis(fold[reb]); redis[seat(reb)].outbox = 0; redis[seat(reb)].quarantined = 0;
    redis[seat(reb)].remaining = stock(fold[reb]) - count(holding(fold[reb]));
    if
    :: is(create) && in(LIFECYCLE, fold[reb]) -> redis[seat(reb)].newEpoch = own[reb]; redis[seat(reb)].newOutbox = 0
    :: else
    fi;
    fold[reb] = 0; phase[reb] = WRITTEN;
    printf("rebuilder %d writes to Redis %d: epoch %d, remaining %d, events %d\n", reb, seat(reb), own[reb], redis[seat(reb)].remaining, redis[seat(reb)].assigned)
  }
}

/* P17: the gate last, compare-and-set. */
inline openGate(reb) {
  d_step {
    phase[reb] == WRITTEN && mayOpen(reb) ->
    redis[seat(reb)].gateEpoch = own[reb]; redis[seat(reb)].gateClosing = 0;
    redis[seat(reb)].gateReplicationId = (is(rebuilder_follows_master) -> redis[current].replicationId : pinned[reb]);
    redis[seat(reb)].gatePartitions = listed[reb];
    if :: isHolder(reb) -> redis[seat(reb)].lock = 0 :: else fi;
    printf("rebuilder %d opens the gate on Redis %d: epoch %d\n", reb, seat(reb), own[reb]);
    forget(reb)
  }
}

/* P11: a missing lock is a lost lock. */
#define retakes(reb) (is(lock_retaken) && reaches(reb) && redis[server[reb]].lock == 0)
#define stopped(reb) \
  ((phase[reb] == CLAIMED && !(is(no_close) -> fenced(reb) : (is(close_at_once) -> mayCloseAtOnce(reb) : mayCloseGate(reb)))) \
  || (phase[reb] == GATE_CLOSED && !mayCloseCoupon(reb)) \
  || (phase[reb] == FOLDED && !mayWrite(reb)) \
  || (phase[reb] == WRITTEN && !mayOpen(reb)))
inline giveUp(reb) {
  d_step {
    stopped(reb) && !retakes(reb) ->
    printf("rebuilder %d gives up: the lock or the master is lost, or somebody else is further\n", reb);
    forget(reb)
  }
}
inline retakeLock(reb) {
  d_step {
    retakes(reb) && (phase[reb] == CLAIMED || phase[reb] == GATE_CLOSED || phase[reb] == FOLDED || phase[reb] == WRITTEN) ->
    redis[server[reb]].lock = token[reb];
    printf("rebuilder %d finds the lock gone, takes it again, and goes on with epoch %d\n", reb, own[reb])
  }
}
inline crash(reb) {
  d_step {
    rebuilderCrashes > 0 && phase[reb] != IDLE ->
    rebuilderCrashes--;
    printf("FAULT: rebuilder %d crashes\n", reb);
    forget(reb)
  }
}

/* ---- Redis, and what happens to it ------------------------------------------------------------- */

inline copy(to, from) {
  to.replicationId = from.replicationId; to.gateEpoch = from.gateEpoch; to.gateReplicationId = from.gateReplicationId;
  to.gatePartitions = from.gatePartitions; to.gateClosing = from.gateClosing; to.lock = from.lock;
  to.epoch = from.epoch; to.closing = from.closing; to.remaining = from.remaining; to.assigned = from.assigned;
  to.outbox = from.outbox; to.quarantined = from.quarantined; to.newEpoch = from.newEpoch; to.newOutbox = from.newOutbox
}
inline erase(it) {
  it.gateEpoch = 0; it.gateReplicationId = 0; it.gatePartitions = 0; it.gateClosing = 0; it.lock = 0;
  it.epoch = 0; it.closing = 0; it.remaining = 0; it.assigned = 0;
  it.outbox = 0; it.quarantined = 0; it.newEpoch = 0; it.newOutbox = 0
}
inline kill(slot) {
  erase(redis[slot]);
  redis[slot].replicationId = 0;
  if :: link[0] == slot + 1 -> unlink(0) :: else fi;
  if :: link[1] == slot + 1 -> unlink(1) :: else fi
}
#define noMorePromotions (failovers == 0 && promotionsInPlace == 0)
inline forgetReplica() {                                                 /* it can't be promoted any more */
  if :: noMorePromotions -> erase(replica); replica.replicationId = 0; syncs = 0 :: else fi
}

#define isHeld(slot) \
  ((phase[0] != IDLE && token[0] == redis[slot].lock) || (phase[1] != IDLE && token[1] == redis[slot].lock))
inline expire(slot) {
  d_step {
    redis[slot].lock != 0 && alive(slot) && !isHeld(slot) ->
    redis[slot].lock = 0;
    printf("the lock of a dead rebuilder expires on Redis %d\n", slot)
  }
}
inline loseLock(slot) {
  d_step {
    lockLosses > 0 && redis[slot].lock != 0 && alive(slot) && isHeld(slot) ->
    lockLosses--;
    redis[slot].lock = 0;
    printf("FAULT: the lock expires on Redis %d while its holder lives\n", slot)
  }
}
inline wipe() {
  d_step {
    wipes > 0 ->
    wipes--;
    erase(redis[current]);
    printf("FAULT: Redis %d is wiped, connections stay\n", current)
  }
}
inline replicate() {
  d_step {
    syncs > 0 && !noMorePromotions ->
    syncs--;
    copy(replica, redis[current]);
    printf("the replica catches up with Redis %d\n", current)
  }
}
inline promote(slot) {
  lastReplicationId++;
  copy(redis[slot], replica);
  redis[slot].replicationId = lastReplicationId
}
#define described(slot) redis[slot].replicationId, redis[slot].gateEpoch, redis[slot].gateReplicationId, redis[slot].epoch
inline failOver() {
  d_step {
    failovers > 0 && !isolated ->
    failovers--;
    promote(1 - current);
    kill(current);
    current = 1 - current;
    forgetReplica();
    printf("FAULT: failover to a stale replica, Redis %d: replication id %d, gate of epoch %d and replication id %d, coupon of epoch %d; the old master is dead\n", current, described(current))
  }
}
inline failOverIsolating() {
  d_step {
    failovers > 0 && is(isolations) && !isolated ->
    failovers--;
    promote(1 - current);
    isolated = 1;
    current = 1 - current;
    forgetReplica();
    printf("FAULT: failover to a stale replica, Redis %d: replication id %d, gate of epoch %d and replication id %d, coupon of epoch %d; the old master lives on, isolated, and takes writes\n", current, described(current))
  }
}
inline stopIsolated() {
  d_step {
    isolated ->
    isolated = 0;
    kill(1 - current);
    printf("the isolated old master stops taking writes\n")
  }
}
/* The server behind an open connection becomes another one: it was demoted, took over a stale state,
   and was promoted again; or a proxy changed what is behind it. */
inline promoteInPlace() {
  d_step {
    promotionsInPlace > 0 && !isolated ->
    promotionsInPlace--;
    promote(current);
    forgetReplica();
    printf("FAULT: a stale replica is promoted behind open connections: replication id %d, gate of epoch %d and replication id %d, coupon of epoch %d\n", described(current))
  }
}
/* What P10 prevents: the replication id changes by itself, nothing is lost. */
inline changeReplicationId() {
  d_step {
    replicationIdChanges > 0 ->
    replicationIdChanges--;
    lastReplicationId++;
    redis[current].replicationId = lastReplicationId;
    printf("FAULT: the replication id of Redis %d changes by itself to %d\n", current, lastReplicationId)
  }
}
inline calm() {
  d_step {
    wipes + failovers + syncs + lockLosses + rebuilderCrashes + needlessRebuilds + disconnects + promotionsInPlace + replicationIdChanges > 0 ->
    wipes = 0; failovers = 0; syncs = 0; lockLosses = 0; rebuilderCrashes = 0; needlessRebuilds = 0; disconnects = 0;
    promotionsInPlace = 0; replicationIdChanges = 0;
    erase(replica); replica.replicationId = 0;
    printf("--- the faults stop\n")
  }
}

/* ---- When nothing more can happen: open again, outboxes empty, no unit leaked ------------------- */

#define creationIsIn(slot) \
  (!redis[slot].newOutbox && (!is(create) || (in(LIFECYCLE, inLog) != 0) == (redis[slot].newEpoch != 0)) \
  && (redis[slot].newEpoch == 0 || redis[slot].newEpoch == redis[slot].gateEpoch))
#define settled(slot) \
  (open(slot) && redis[slot].outbox == 0 && creationIsIn(slot) \
  && redis[slot].assigned == (asRedis(inLog) | redis[slot].quarantined) \
  && redis[slot].remaining == stock(inLog) - count(holding(inLog) | redis[slot].quarantined) \
  && marker[0] <= redis[slot].gateEpoch && marker[1] <= redis[slot].gateEpoch)

/* ---- Every step, for everyone -------------------------------------------------------------------- */

#if EVENTS == 3
#define each_assignment(step) :: step(0) :: step(1) :: step(2)
#define with_each_assignment(step, who) :: step(who,0) :: step(who,1) :: step(who,2)
#else
#define each_assignment(step) :: step(0) :: step(1) :: step(2) :: step(3)
#define with_each_assignment(step, who) :: step(who,0) :: step(who,1) :: step(who,2) :: step(who,3)
#endif
#define each_event(step) each_assignment(step) :: step(REVOKE) :: step(REDEEM) :: step(UNDO) :: step(LIFECYCLE)
#define with_each_event(step, who) \
  with_each_assignment(step, who) :: step(who,REVOKE) :: step(who,REDEEM) :: step(who,UNDO) :: step(who,LIFECYCLE)
#define with_each_partition(step, who) :: step(who,0) :: step(who,1) :: step(who,ADDED) :: step(who,OF_LIFECYCLE)
#define assigns(api, user) :: assign(api,user,0) :: assign(api,user,1) :: assign(api,user,ADDED)

#define command_api(api) \
  :: connect(api,0) :: connect(api,1) :: recheck(api) :: disconnect(api) \
  assigns(api,0) assigns(api,1) assigns(api,2) \
  with_each_event(confirm, api) with_each_event(confirmAgain, api) with_each_event(repeat, api) \
  with_each_assignment(release, api) with_each_assignment(refuse, api) \
  :: topUp(api) \
  :: createCoupon(api) :: confirmCreation(api) :: confirmCreationAgain(api) \
  with_each_assignment(revoke, api) with_each_assignment(redeem, api) :: undo(api)

#define rebuilder(reb) \
  :: acquire(reb,0) :: acquire(reb,1) :: claim(reb) \
  :: claimFirst(reb) :: lockAfterClaim(reb,0) :: lockAfterClaim(reb,1) \
  :: closeGate(reb) :: closeCoupons(reb) :: closeAtOnce(reb) :: closeNothing(reb) \
  :: addPartition(reb) :: listPartitions(reb) :: listStalePartitions(reb) \
  with_each_partition(mark, reb) with_each_partition(read, reb) \
  :: write(reb) :: openGate(reb) \
  :: giveUp(reb) :: retakeLock(reb) :: crash(reb)

init {
  d_step {
    readSettings();
    redis[0].replicationId = 1; redis[0].gateEpoch = 1; redis[0].gateReplicationId = 1; redis[0].gatePartitions = partitions;
    redis[0].epoch = 1; redis[0].remaining = is(quantity);
    copy(replica, redis[0]);
    marker[0] = 1; marker[1] = 1; marker[OF_LIFECYCLE] = 1;
    link[0] = 1; linkEpoch[0] = 1; linkPartitions[0] = partitions;
    if :: is(apis) > 1 -> link[1] = 1; linkEpoch[1] = 1; linkPartitions[1] = partitions :: else fi
  };
  do
  command_api(0)
  command_api(1)
  each_event(append) each_event(acknowledge) each_event(checkClaims)
  each_assignment(answerOnAcknowledgement)
  rebuilder(0)
  rebuilder(1)
  :: expire(0) :: expire(1) :: loseLock(0) :: loseLock(1)
  :: wipe() :: replicate() :: failOver() :: failOverIsolating() :: stopIsolated()
  :: promoteInPlace() :: changeReplicationId()
  :: calm()
  :: else -> break
  od;
  /* `strict`: the attempts allowed have to be enough */
  must(settled(current) || (lastToken >= is(attempts) && !is(strict)), does not settle)
}

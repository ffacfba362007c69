/* Two readers, one truth: projector and rebuild take the same events from the log.
 *
 * Here every record is kept: one or two partitions of LENGTH records, in which two events (of epochs 1
 * and 2, each in any partition, any number of copies) and the markers of epochs 1, 2 and 3 are appended
 * in any order, late ones too.
 *
 * The projector reads record by record, and may start again from its checkpoint at any moment. The
 * rebuilder of epoch 3 folds each partition once its own marker is in it; it may begin at a snapshot.
 * At the end both have the set that epochs.pml reckons with: the events that counted when they were
 * appended. P1..P19: docs/guarantees.md. Settings: README.md.
 */

#ifndef LENGTH
#define LENGTH          4
#endif
#ifndef PARTITIONS
#define PARTITIONS      1
#endif
#define OWN             3             /* the epoch of the rebuild */

c_decl {
\#include <stdlib.h>
int marker_in_memory, fenced_drops_event, marker_of_whole_partition, snapshot_without_marker;
int unmarked_counts, projector_counts_unmarked;
}
#define setting(name, otherwise) (getenv(name) ? atoi(getenv(name)) : (otherwise))
#define flag(name) name = setting(#name, 0)
#define is(name) c_expr { name }

#define must(condition) if :: (condition) :: else -> printf("VIOLATED: the readers differ\n"); assert(false) fi

#define bit_of(x)       (1 << (x))
#define NOTHING         0
#define event(x)        (1 + (x))     /* records, as numbers */
#define marker(epoch)   (10 + (epoch))
#define epochOf(x)      (1 + (x))

byte record[PARTITIONS * LENGTH];
#define at(part, offset) record[(part) * LENGTH + (offset)]
byte size[PARTITIONS];
byte highest[PARTITIONS];             /* marker so far, 0: none */
byte partitionOf[2];                  /* by event */
byte counted;                         /* the events that counted when they were appended */
byte ownMarked;                       /* set of partitions */

/* The projector's checkpoint, and its rows. */
byte nextOffset[PARTITIONS], checkpointMarker[PARTITIONS];
byte projected;
byte restarts;

/* Snapshots by partition, and what the rebuilder folded. */
byte snapshotOffset[PARTITIONS], snapshotMarker[PARTITIONS], snapshotEvents;
byte snapshots;                       /* how many may be taken */
byte folded, foldedPartitions;

/* scratch, 0 between steps */
byte offset, newest, found;

/* The fencing rule (P16, P19): an event counts if its epoch is not older than the highest marker before it. */
#define counts(x, highestMarker) (epochOf(x) >= (highestMarker) && ((highestMarker) != 0 || is(unmarked_counts)))

inline appendEvent(x) {
  d_step {
    size[partitionOf[x]] < LENGTH ->
    at(partitionOf[x], size[partitionOf[x]]) = event(x); size[partitionOf[x]]++;
    if :: counts(x, highest[partitionOf[x]]) -> counted = counted | bit_of(x) :: else fi;
    printf("event %d (epoch %d) is appended to partition %d behind marker %d\n", x, epochOf(x), partitionOf[x], highest[partitionOf[x]])
  }
}
inline appendMarker(part, epoch) {
  d_step {
    size[part] < LENGTH ->
    at(part, size[part]) = marker(epoch); size[part]++;
    if :: epoch > highest[part] -> highest[part] = epoch :: else fi;
    if :: epoch == OWN -> ownMarked = ownMarked | bit_of(part) :: else fi;
    printf("EpochStarted(%d) is appended to partition %d\n", epoch, part)
  }
}

inline project(part) {
  d_step {
    nextOffset[part] < size[part] ->
    found = at(part, nextOffset[part]); nextOffset[part]++;
    if
    :: found > marker(0) ->
       if :: found - marker(0) > checkpointMarker[part] -> checkpointMarker[part] = found - marker(0) :: else fi
    :: else ->
       if
       :: counts(found - 1, checkpointMarker[part]) || (is(projector_counts_unmarked) && checkpointMarker[part] == 0) ->
          projected = projected | bit_of(found - 1)
       :: else ->
          if :: is(fenced_drops_event) -> projected = projected & ~bit_of(found - 1) :: else fi
       fi
    fi;
    found = 0;
    printf("the projector has read partition %d up to %d: events %d\n", part, nextOffset[part], projected)
  }
}
/* P18: the checkpoint holds offset and marker; one that is kept in memory only is gone. */
inline restartProjector(part) {
  d_step {
    is(marker_in_memory) && restarts > 0 && checkpointMarker[part] > 0 ->
    restarts--;
    checkpointMarker[part] = 0;
    printf("the projector starts again, at offset %d of partition %d\n", nextOffset[part], part)
  }
}

/* Reads partition `part` from `offset` with `newest` as the highest marker so far, into `set`. */
inline readOn(part, set) {
  do
  :: offset < size[part] ->
     found = at(part, offset);
     if
     :: found > marker(0) -> if :: found - marker(0) > newest -> newest = found - marker(0) :: else fi
     :: else -> if :: counts(found - 1, newest) -> set = set | bit_of(found - 1) :: else fi
     fi;
     offset++
  :: else -> break
  od;
  found = 0
}
inline takeSnapshot(part) {
  d_step {
    snapshots > 0 && snapshotOffset[part] == 0 && size[part] > 0 && !(foldedPartitions & bit_of(part)) ->
    snapshots--;
    readOn(part, snapshotEvents);
    snapshotOffset[part] = offset; snapshotMarker[part] = newest;
    if :: is(snapshot_without_marker) -> snapshotMarker[part] = 0 :: else fi;
    offset = 0; newest = 0;
    printf("a snapshot of partition %d up to %d: marker %d\n", part, snapshotOffset[part], snapshotMarker[part])
  }
}
inline foldPartition(part) {
  d_step {
    (ownMarked & bit_of(part)) && !(foldedPartitions & bit_of(part)) ->
    foldedPartitions = foldedPartitions | bit_of(part);
    offset = snapshotOffset[part]; newest = snapshotMarker[part];
    if :: is(marker_of_whole_partition) -> newest = highest[part] :: else fi;
    readOn(part, folded);
    offset = 0; newest = 0;
    printf("the rebuilder has folded partition %d: events %d\n", part, folded)
  }
}

#define partition(part) \
  :: appendMarker(part, 1) :: appendMarker(part, 2) :: appendMarker(part, 3) \
  :: project(part) :: restartProjector(part) \
  :: takeSnapshot(part) :: foldPartition(part)

init {
  d_step {
    c_code {
      flag(marker_in_memory); flag(fenced_drops_event); flag(marker_of_whole_partition); flag(snapshot_without_marker);
      flag(unmarked_counts); flag(projector_counts_unmarked);
      now.restarts = setting("restarts", 2); now.snapshots = setting("snapshots", 1);
    }
  };
#if PARTITIONS == 2
  if :: partitionOf[0] = 0 :: partitionOf[0] = 1 fi;
  if :: partitionOf[1] = 0 :: partitionOf[1] = 1 fi;
#endif
  do
  :: appendEvent(0) :: appendEvent(1)
  partition(0)
#if PARTITIONS == 2
  partition(1)
#endif
  :: else -> break
  od;
  must(projected == counted);
  /* every event is older than the rebuild's epoch, so what it folds is final at its marker */
  must(foldedPartitions != bit_of(PARTITIONS) - 1 || (folded | snapshotEvents) == counted)
}

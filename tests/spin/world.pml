// SPDX-License-Identifier: BSD-3-Clause
// What the models of the flow table's two indices share: a world to act in, what answers must be, and when a flow index
// may be given out again.
//
// Two buckets of two slots, one writer, one reader. All keys have the same first bucket and the same second. STAYS
// stays, COMES comes and goes, GOES too if TWO_GO; the writer carries them to and fro for ever, to any free slot.
// MIXED is never there, but has a word of each of two others.
//
// A step is a load or a store; their order is all the memory model there is. More is not needed: the writer's stores
// are releases, the loads of readers acquires, and what readers store decides only about grace periods.

#define FIRST 0
#define SECOND 1
#define SLOTS 2
#define PLACES 4
#define NOWHERE PLACES
#define BUCKET_OF(place) ((place) / SLOTS)

#define STAYS 0
#define COMES 1
#define GOES 2
#define MIXED 3
#define NOBODY 4

#ifdef TWO_GO
#define MAY_GO(key) ((key) == COMES || (key) == GOES)
#define MIXED_WORD0 GOES
#else
#define MAY_GO(key) ((key) == COMES)
#define MIXED_WORD0 STAYS
#endif
#define KEY_WORD0(key) ((key) == MIXED -> MIXED_WORD0 : (key))
#define KEY_WORD1(key) ((key) == MIXED -> COMES : (key))

// Flow indices: 1 to LAST_INDEX for those that come and go. 1 and 2 merged are the one of STAYS.
#define NONE 0
#define INDEX_OF_STAYS 3

byte place[NOBODY];    // writer's: where keys are
byte index_of[NOBODY]; // in the table, or about to be
bool there[NOBODY];    // in the table, and not about to leave

// What is known of the lookup under way.
byte asked = NOBODY;
byte held;             // bits: indices that the asked key had since the lookup began
byte lost;             // bits: those of them that were given out again
bool sure;             // the asked key was there all the time since

inline lookup_begins()
{
	atomic {
		if
		:: asked = STAYS
		:: asked = COMES
		:: asked = MIXED
#ifdef TWO_GO
		:: asked = GOES
#endif
		fi;
		held = (index_of[asked] != NONE) << index_of[asked];
		sure = there[asked]
	}
}

// Three promises: no miss of a key that was there all the time, no index that was not the key's, and none that becomes
// another flow's before the reader says that it is done.
inline lookup_ends(found)
{
	assert(found != NONE || !sure);               // missed
	assert(found == NONE || (held >> found & 1)); // wrong
#ifndef NO_READERS
	assert(!(lost >> found & 1));                 // recycled
#endif
	d_step { asked = NOBODY; found = NONE; held = 0; lost = 0; sure = false }
#ifndef NO_READERS
	reader_is_done()
#endif
}

// A bucket's version, as far as it matters: whether it is still the one that the reader loaded. No counter: so all that
// can ever happen is finitely many states. (A counter of 16 bits comes round, if the reader stands still long enough.)
bool same[2];     // as when the lookup began, by bucket
bool same_own[2]; // as when the reader began to look at this bucket

inline step(bucket)
{
	d_step { same[bucket] = false; same_own[bucket] = false }
}

// Grace periods, by tokens as in rte_rcu_qsbr, without their numbers: an index that left the table may be given out
// again when the reader has loaded a token newer than that, and then stored that it passed it.
#define UNSEEN 1
#define SEEN 2
byte waits[4];

inline reader_is_done()
{
	d_step {
		waits[1] = (waits[1] -> SEEN : 0);
		waits[2] = (waits[2] -> SEEN : 0)
	}
	d_step {
		waits[1] = (waits[1] == SEEN -> 0 : waits[1]);
		waits[2] = (waits[2] == SEEN -> 0 : waits[2])
	}
}

#define IS_OUT(index) (index_of[COMES] == index || index_of[GOES] == index)
#if defined(NO_GRACE) || defined(NO_READERS)
#define MAY_TAKE(index) (!IS_OUT(index))
#else
#define MAY_TAKE(index) (!IS_OUT(index) && waits[index] == 0)
#endif

inline insert_begins(key, to, index)
{
	waits[index] = 0;
	lost = lost | (held & 1 << index);
	index_of[key] = index;
	place[key] = to;
	held = held | (asked == key) << index
}

inline insert_ends(key)
{
	there[key] = true
}

inline remove_begins(key)
{
	there[key] = false;
	sure = sure && asked != key
}

inline remove_ends(key)
{
#ifndef NO_READERS
	waits[index_of[key]] = UNSEEN;
#endif
	index_of[key] = NONE;
	place[key] = NOWHERE
}

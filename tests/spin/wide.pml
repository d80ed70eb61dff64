// SPDX-License-Identifier: BSD-3-Clause
// The index of all other keys: dataplane/flow_wide.h says what its readers rely on. An entry is a tag and a record's
// index, two words; the key is in the record. All keys have the same tag here.

#include "world.pml"

bool tag[PLACES];
byte number[PLACES];                // index of the record
byte key_of[4];                     // of the record, see compare_key()
bool hint;                          // of the first bucket: all tags have the same
byte overflow;                      // writer's: entries that are in their second buckets

#define IS_FREE(to) (!tag[to])
#define WORD0(key) (1 + KEY_WORD0(key))
#define WORD1(key) ((1 + KEY_WORD1(key)) << 2)
#ifdef HINTS_CLEARED_TOO_SOON
#define HINT_STAYS false
#else
#define HINT_STAYS (overflow > 0)
#endif

inline fill(at, index)
{
	number[at] = index;
	tag[at] = true
}

inline clear(at)
{
#ifdef STEP_BEFORE_CLEAR
	step(BUCKET_OF(at));
#endif
	tag[at] = false;
#if !defined(STEP_BEFORE_CLEAR) && !defined(NO_STEP_AFTER_CLEAR)
	step(BUCKET_OF(at))
#endif
}

inline enter_second()
{
	d_step { hint = true; overflow++ }
}

inline leave_second()
{
	d_step { overflow--; hint = hint && HINT_STAYS }
}

inline move_to_second(key, from, to, index)
{
#ifndef HINT_AFTER_MOVE
	enter_second();
#endif
#ifdef CLEAR_BEFORE_COPY
	clear(from);
	fill(to, index);
#else
	fill(to, index);
	clear(from);
#endif
#ifdef HINT_AFTER_MOVE
	enter_second()
#endif
}

inline move_to_first(key, from, to, index)
{
#ifdef CLEAR_BEFORE_COPY
	clear(from);
#endif
	fill(to, index);
#ifdef HINT_CLEARED_BEFORE_STEP
	leave_second();
#endif
#if !defined(NO_STEP_ON_RETURN) && !defined(STEP_AFTER_RETURN)
	step(FIRST);
#endif
#ifndef CLEAR_BEFORE_COPY
	clear(from);
#endif
#ifdef STEP_AFTER_RETURN
	step(FIRST);
#endif
#ifndef HINT_CLEARED_BEFORE_STEP
	leave_second()
#endif
}

// In two words. With grace periods nobody can be looking, and it is all the same.
inline write_key(key, index)
{
#ifdef NO_READERS
	key_of[index] = WORD0(key) | key_of[index] & 12;
#endif
	key_of[index] = WORD0(key) | WORD1(key)
}

inline insert(key, to, index)
{
	write_key(key, index);
	if
	:: BUCKET_OF(to) == SECOND -> enter_second()
	:: else
	fi;
	fill(to, index)
}

inline remove(key, at)
{
	clear(at);
	if
	:: BUCKET_OF(at) == SECOND -> leave_second()
	:: else
	fi
}

// What stands in empty slots and in records that were never used is as good as anything.
inline begin_with_stays()
{
	tag[0] = true;
	number[0] = INDEX_OF_STAYS;
	number[1] = INDEX_OF_STAYS;
	number[2] = INDEX_OF_STAYS;
	number[3] = INDEX_OF_STAYS;
	key_of[INDEX_OF_STAYS] = WORD0(STAYS) | WORD1(STAYS);
	key_of[1] = WORD0(COMES) | WORD1(COMES);
	key_of[2] = WORD0(COMES) | WORD1(COMES)
}

// The tags of a bucket, as bits.
#define CHANGED 4
#define BOTH 3

inline match_tags(bucket)
{
	match = tag[bucket * SLOTS];
	match = match | tag[bucket * SLOTS + 1] << 1
}

// A hit is one only if no entry left the bucket meanwhile: the record may have got another key under the comparison.
#ifdef HIT_NOT_CHECKED
#define UNCHANGED(version) true
#else
#define UNCHANGED(version) (version)
#endif

// What the record is, if it has the key and the bucket is as it was when its tags were looked at.
inline compare_candidate(unchanged)
{
#ifdef NO_READERS
	candidate = ((key_of[candidate] & 3) == WORD0(asked) -> candidate : NONE);
	candidate = ((key_of[candidate] & 12) == WORD1(asked) -> candidate : NONE);
#else
	candidate = (key_of[candidate] == (WORD0(asked) | WORD1(asked)) -> candidate : NONE);
#endif
	atomic {
		if
		:: candidate != NONE && !UNCHANGED(unchanged) -> match = CHANGED
		:: else -> found = candidate
		fi;
		candidate = NONE
	}
}

inline compare_key(slot, unchanged)
{
	candidate = number[slot];
	compare_candidate(unchanged)
}

// The fast way: one entry whose tag matches. The slow way is for more than one, and if somebody was writing.
inline load_candidate(bucket)
{
	if
	:: match == 1 -> candidate = number[bucket * SLOTS]
	:: match == 2 -> candidate = number[bucket * SLOTS + 1]
	:: else
	fi
}

inline compare(unchanged)
{
	if
	:: match == 1 || match == 2 -> compare_candidate(unchanged)
	:: else
	fi
}

// The slow way: each entry whose tag matches, until nobody is writing.
inline find_in(bucket)
{
	do
	:: same_own[bucket] = true;
		match_tags(bucket);
		if
		:: match & 1 -> compare_key(bucket * SLOTS, same_own[bucket])
		:: else
		fi;
		if
		:: found == NONE && (match & 2) && match != CHANGED -> compare_key(bucket * SLOTS + 1, same_own[bucket])
		:: else
		fi;
		if
		:: match != CHANGED -> break
		:: else
		fi
	od;
	atomic { same_own[bucket] = false; match = 0 }
}

// A burst's lookup for one key, and wide_find(), the slow way.
proctype reader()
{
	byte found, candidate, match;
	bool hinted;

lookup:
	lookup_begins();
	if
	:: true
	:: goto again
	fi;

#ifdef HINT_BEFORE_ENTRIES
	hinted = hint;
#endif
#ifdef VERSION_AFTER_ENTRIES
	match_tags(FIRST);
	same[FIRST] = true;
#else
	same[FIRST] = true;
	match_tags(FIRST);
#endif
	load_candidate(FIRST);
#ifndef HINT_BEFORE_ENTRIES
	hinted = hint;
#endif
	compare(same[FIRST]);
	if
	:: found != NONE -> goto done
	:: else
	fi;
#ifdef HINT_TRUSTED
	if
	:: match >= BOTH -> goto again
	:: else
	fi;
#else
	if
	:: match >= BOTH || !same[FIRST] -> goto again
	:: else
	fi;
#endif
	if
	:: !hinted -> goto done
	:: else
	fi;
	atomic { match = 0; hinted = false; same_own[SECOND] = true };
	match_tags(SECOND);
	load_candidate(SECOND);
	compare(same_own[SECOND]);
	if
	:: found != NONE -> goto done
	:: else
	fi;
	if
	:: match >= BOTH || !same_own[SECOND] -> goto again
	:: else
	fi;
#ifndef MISS_NOT_CHECKED
	if
	:: !same[FIRST] -> goto again
	:: else
	fi;
#endif
	goto done;

again:
	atomic {
		match = 0; hinted = false; same_own[SECOND] = false;
		same[FIRST] = true
	};
	find_in(FIRST);
	if
	:: found == NONE && hint -> find_in(SECOND)
	:: else
	fi;
#ifndef MISS_NOT_CHECKED
	if
	:: found == NONE && !same[FIRST] -> goto again
	:: else
	fi;
#endif

done:
	atomic {
		match = 0; hinted = false;
		same[FIRST] = false; same_own[SECOND] = false
	};
	lookup_ends(found);
	goto lookup
}

#include "run.pml"

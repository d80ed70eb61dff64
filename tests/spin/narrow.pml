// SPDX-License-Identifier: BSD-3-Clause
// The index of IPv4 keys: dataplane/flow_narrow.h says what its readers rely on. An entry holds its key.
//
// WORDS: the form in plain C, which stores and loads an entry in two words. Else an entry is one store and one load.

#include "world.pml"

// By place. low: first word of the key, index. high: second word of the key, in its second bucket, valid.
byte low[PLACES], high[PLACES];
bool hint[2];  // of the first bucket: two bits, which are two stores
byte overflow; // writer's: entries that are in their second buckets

#define LOW(key, index) (KEY_WORD0(key) << 2 | (index))
#define HIGH(key, second) (KEY_WORD1(key) << 2 | (second) << 1 | 1)
#define INDEX(word) ((word) & 3)
#define HINT(key) ((key) == COMES)
#ifdef HINTS_CLEARED_TOO_SOON
#define HINTS_STAY(key) false
#else
#define HINTS_STAY(key) (overflow > 0)
#endif
#define IS_FREE(to) (high[to] == 0)

inline store(at, new_low, new_high)
{
#ifdef WORDS
	high[at] = new_high;
	low[at] = new_low
#else
	d_step { high[at] = new_high; low[at] = new_low }
#endif
}

inline clear(at)
{
#ifdef STEP_BEFORE_CLEAR
	step(BUCKET_OF(at));
#endif
	store(at, 0, 0)
#if !defined(STEP_BEFORE_CLEAR) && !defined(NO_STEP_AFTER_CLEAR)
	;
	step(BUCKET_OF(at))
#endif
}

inline enter_second(key)
{
	d_step { hint[HINT(key)] = true; overflow++ }
}

inline leave_second(key)
{
	d_step { overflow--; hint[0] = hint[0] && HINTS_STAY(key) };
	hint[1] = hint[1] && HINTS_STAY(key)
}

inline move_to_second(key, from, to, index)
{
#if !defined(HINT_AFTER_MOVE)
	enter_second(key);
#endif
#ifdef CLEAR_BEFORE_COPY
	clear(from);
	store(to, LOW(key, index), HIGH(key, 1))
#else
	store(to, LOW(key, index), HIGH(key, 1));
	clear(from)
#endif
#ifdef HINT_AFTER_MOVE
	;
	enter_second(key)
#endif
}

inline move_to_first(key, from, to, index)
{
#ifdef CLEAR_BEFORE_COPY
	clear(from);
#endif
	store(to, LOW(key, index), HIGH(key, 0));
#ifdef HINT_CLEARED_BEFORE_STEP
	leave_second(key);
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
	leave_second(key)
#endif
}

inline insert(key, to, index)
{
	if
	:: BUCKET_OF(to) == SECOND -> enter_second(key)
	:: else
	fi;
	store(to, LOW(key, index), HIGH(key, BUCKET_OF(to)))
}

inline remove(key, at)
{
	clear(at);
	if
	:: BUCKET_OF(at) == SECOND -> leave_second(key)
	:: else
	fi
}

inline begin_with_stays()
{
	low[0] = LOW(STAYS, INDEX_OF_STAYS);
	high[0] = HIGH(STAYS, FIRST)
}

#define SAME_LOW(word) ((word) >> 2 == KEY_WORD0(asked))

// One entry. Two may be the same, where a key went and came while the reader looked. The plain form merges their indices,
// and must find the version changed.
inline compare(at, second)
{
#ifdef WORDS
	word = low[at];
	d_step {
		if
		:: high[at] == HIGH(asked, second) && SAME_LOW(word) -> found = found | INDEX(word)
		:: else
		fi;
		word = 0
	}
#else
	d_step {
		if
		:: high[at] == HIGH(asked, second) && SAME_LOW(low[at]) ->
#if defined(INDEX_LOADED_AGAIN)
			word = 1
#elif defined(MATCHES_MERGED)
			found = found | INDEX(low[at])
#else
			found = INDEX(low[at])
#endif
		:: else
		fi
	}
#ifdef INDEX_LOADED_AGAIN
	if
	:: d_step { word == 1 -> found = INDEX(low[at]); word = 0 }
	:: else
	fi
#endif
#endif
}

// Sixteen bytes of a bucket's load are loaded at once, not all of it: in any order.
inline probe(bucket, second)
{
#ifdef WORDS
	compare(bucket * SLOTS, second);
	compare(bucket * SLOTS + 1, second)
#else
	if
	:: slot = 0
	:: slot = 1
	fi;
	compare(bucket * SLOTS + slot, second);
	compare(bucket * SLOTS + 1 - slot, second);
	slot = 0
#endif
}

// A bucket in which no entry was replaced while it was looked at.
inline find_in(bucket, second)
{
	do
	:: same_own[bucket] = true;
		probe(bucket, second);
		if
		:: same_own[bucket] -> break
		:: else -> found = NONE
		fi
	od;
	same_own[bucket] = false
}

// narrow_lookup_end for one key, and narrow_find where that goes when somebody was writing. Where an entry is loaded at
// once, both do the same.
proctype reader()
{
	byte found, word, slot;
	bool hinted;

lookup:
	lookup_begins();
#ifdef WORDS
	if
	:: true
	:: goto again
	fi;
#endif

burst:
#ifdef HINT_BEFORE_ENTRIES
	hinted = hint[HINT(asked)];
#endif
#ifdef VERSION_AFTER_ENTRIES
	probe(FIRST, 0);
	same[FIRST] = true;
#else
	same[FIRST] = true;
	probe(FIRST, 0);
#endif
	if
	:: found == NONE
	:: else ->
#if defined(WORDS) && !defined(HIT_NOT_CHECKED)
		if
		:: !same[FIRST] -> goto again
		:: else
		fi;
#endif
		goto done
	fi;
#ifndef HINT_BEFORE_ENTRIES
	hinted = hint[HINT(asked)];
#endif
#ifndef MISS_NOT_CHECKED
	if
	:: !same[FIRST] -> goto again
	:: else
	fi;
#endif
	if
	:: hinted
	:: else -> goto done
	fi;
	same_own[SECOND] = true;
	probe(SECOND, 1);
#ifndef MISS_NOT_CHECKED
	if
	:: found == NONE && !same[FIRST] -> goto again
	:: else
	fi;
#endif
#if defined(WORDS) && !defined(HIT_NOT_CHECKED)
	if
	:: !same_own[SECOND] -> goto again
	:: else
	fi;
#endif
	goto done;

again:
	atomic { found = NONE; hinted = false; same_own[SECOND] = false };
#ifdef WORDS
	same[FIRST] = true;
	find_in(FIRST, 0);
	if
	:: found == NONE && hint[HINT(asked)] -> find_in(SECOND, 1)
	:: else
	fi;
	if
	:: found == NONE && !same[FIRST] -> goto again
	:: else
	fi;
#else
	goto burst;
#endif

done:
	atomic { hinted = false; same[FIRST] = false; same_own[SECOND] = false };
	lookup_ends(found);
	goto lookup
}

#include "run.pml"

// SPDX-License-Identifier: BSD-3-Clause
// The writer, for ever: operations on any key, to any free slot. What they are made of, and the reader, are the models'.

proctype writer()
{
	byte key, to, index;

next:
	atomic {
		select(key : STAYS .. GOES);
		select(to : 0 .. PLACES - 1);
		select(index : 1 .. LAST_INDEX);
		if
		:: IS_FREE(to) && place[key] != NOWHERE && BUCKET_OF(place[key]) == FIRST && BUCKET_OF(to) == SECOND ->
			goto to_second
		:: IS_FREE(to) && place[key] != NOWHERE && BUCKET_OF(place[key]) == SECOND && BUCKET_OF(to) == FIRST ->
			goto to_first
		:: IS_FREE(to) && place[key] == NOWHERE && MAY_GO(key) && MAY_TAKE(index) ->
			insert_begins(key, to, index);
			goto comes
		:: place[key] == to && MAY_GO(key) ->
			remove_begins(key);
			goto goes
		:: else -> goto done
		fi
	}
to_second:
	move_to_second(key, place[key], to, index_of[key]);
	goto moved;
to_first:
	move_to_first(key, place[key], to, index_of[key]);
moved:
	place[key] = to;
	goto done;
comes:
	insert(key, to, index_of[key]);
	insert_ends(key);
	goto done;
goes:
	remove(key, to);
	d_step { remove_ends(key) }
done:
	atomic { key = 0; to = 0; index = 0; goto next }
}

init {
	atomic {
		place[COMES] = NOWHERE;
		place[GOES] = NOWHERE;
		index_of[STAYS] = INDEX_OF_STAYS;
		there[STAYS] = true;
		begin_with_stays();
		run writer();
		run reader()
	}
}

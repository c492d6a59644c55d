// Checks on text that arrives from outside: UTF-8, and ISO 8601 times.

#pragma once

#include "msgpack_reader.h"

namespace raziel {

/**
 * Whether the bytes are well-formed UTF-8 (RFC 3629) without U+FFFD, which is what lenient decoders put where
 * something was broken: two engines must agree on what an id is.
 */
bool isPlainUtf8(Bytes text);

/** Whether the bytes can be a tag: 1..kTagBytesMax bytes of plain UTF-8 without a comma. */
bool isTag(Bytes text);

/**
 * The milliseconds since the Unix epoch of `YYYY-MM-DDTHH:MM[:SS[.fraction]](Z|±HH:MM|±HHMM)`, digits past the millisecond cut off; NaN
 * for anything else, also for dates that no calendar has.
 */
double parseIsoTime(Bytes text);

}  // namespace raziel

// Decodes batches of fixes, as maps or rows, from the MessagePack bytes that arrived (docs/protocol.md says what a fix may hold).

#pragma once

#include <vector>

#include "fix.h"
#include "msgpack_reader.h"

namespace raziel {

/** A hash of an id's bytes that a client cannot foresee: it is seeded anew in every process. */
uint64_t hashId(Bytes id);

/**
 * Decodes the array that comes next in `reader` and puts one DecodedFix an element into `out`, with its code where it is to be
 * rejected. False when the bytes are broken or cut short; `out` is then of no use. A fix without a time has `nowMs`; one without a ttl,
 * `ttlSecondsDefault`.
 */
bool decodeFixes(MsgpackReader& reader, double nowMs, double ttlSecondsDefault, std::vector<DecodedFix>& out);

}  // namespace raziel

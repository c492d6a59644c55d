// What is answered about the zones at a point: MessagePack. The zones' own parts of it are in the snapshot as they will be sent.

#pragma once

#include <cstdint>
#include <string_view>

#include "../msgpack_reader.h"
#include "../msgpack_writer.h"
#include "hits.h"
#include "snapshot.h"

namespace raziel::zones {

/** What answers say of one zone. */
inline std::string_view answerOfZone(const Snapshot& snapshot, uint32_t zone) {
  const LayerView& layer = snapshot.layerOfZone(zone);
  return layer.answerOf(layer.zones[zone - layer.firstZone]);
}

/** Looks up in all layers, or in the one that `layer` names; an unknown one has no zones. */
inline void lookup(const Snapshot& snapshot, double lat, double lon, const std::string_view* layer, Hits& hits) {
  if (layer == nullptr) return snapshot.lookup(lat, lon, hits);
  const LayerView* const view = snapshot.findLayer(*layer);
  if (view == nullptr) return hits.clear();
  snapshot.lookupInLayer(*view, lat, lon, hits);
}

/** Writes the list of the zones at a point; without a snapshot there are none. */
inline void writeZones(MsgpackWriter& writer, const Snapshot* snapshot, double lat, double lon, const std::string_view* layer,
                       Hits& hits) {
  hits.clear();
  if (snapshot != nullptr) lookup(*snapshot, lat, lon, layer, hits);
  writer.array(static_cast<uint32_t>(hits.size()));
  for (const uint32_t zone : hits) {
    const std::string_view answer = answerOfZone(*snapshot, zone);
    writer.raw(answer.data(), answer.size());
  }
}

/** Writes a whole answer: a map of ref (when its data is not null), version and zones. */
inline void writeAnswer(MsgpackWriter& writer, const Snapshot* snapshot, double lat, double lon, const std::string_view* layer, Bytes ref,
                        Hits& hits) {
  writer.map(2 + (ref.data != nullptr));
  if (ref.data != nullptr) {
    writer.key("ref");
    writer.raw(ref.data, ref.size);
  }
  writer.key("version");
  writer.number(snapshot == nullptr ? 0 : static_cast<double>(snapshot->version()));
  writer.key("zones");
  writeZones(writer, snapshot, lat, lon, layer, hits);
}

}  // namespace raziel::zones

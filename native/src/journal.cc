#include "journal.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "crc32.h"
#include "fix_decoder.h"
#include "msgpack_writer.h"
#include "session.h"
#include "text.h"

namespace raziel {

namespace {

constexpr uint32_t kHeading = 1;
constexpr uint32_t kSpeed = 2;
constexpr uint32_t kAccuracy = 4;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kTagsBytesMax = 3 + kTagsPerDriverMax * (kTagBytesMax + 2);

template <typename T>
uint8_t* put(uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof value);
  return to + sizeof value;
}

template <typename T>
T get(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/** What a stored header says, checked against the size of the block. */
struct Header {
  bool ok = false;
  uint32_t held = 0;
  double sequence = 0;
  const uint8_t* lengths = nullptr;
  const uint8_t* records = nullptr;

  Header(uint32_t block, const uint8_t* bytes, size_t size) {
    if (size < kHeaderBytes) return;
    held = get<uint32_t>(bytes + 4);
    sequence = get<double>(bytes + 8);
    const uint32_t count = uint32_t(std::popcount(held));
    const size_t headerEnd = kHeaderBytes + 2 * size_t{count};
    if (size < headerEnd || crc32(bytes + 4, headerEnd - 4, block) != get<uint32_t>(bytes)) return;
    lengths = bytes + kHeaderBytes;
    records = bytes + headerEnd;
    size_t total = headerEnd;
    for (uint32_t i = 0; i < count; ++i) total += lengthOf(i);
    ok = total == size && std::isfinite(sequence);
  }
  uint16_t lengthOf(uint32_t i) const { return get<uint16_t>(lengths + 2 * size_t{i}); }
};

bool areTags(Bytes tags) {
  MsgpackReader reader(tags.data, tags.size);
  if (reader.peek() != MsgpackReader::Type::Array) return false;
  const uint32_t count = reader.readArray();
  if (count > kTagsPerDriverMax) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (reader.peek() != MsgpackReader::Type::String || !isTag(reader.readString())) return false;
  }
  return reader.ok() && reader.atEnd();
}

/** Reads a record into a fix that points into it; false when it is not what was written. */
bool readRecord(const uint8_t* at, size_t length, uint32_t slot, DecodedFix& fix) {
  const uint8_t* const end = at + length;
  if (length < 4 + 4 * 8 + 1 + 1 + 1 || crc32(at + 4, length - 4, slot) != get<uint32_t>(at)) return false;
  at += 4;
  fix.lat = get<double>(at);
  fix.lon = get<double>(at + 8);
  fix.timeMs = get<double>(at + 16);
  fix.ttlSeconds = get<double>(at + 24);
  const uint8_t flags = at[32];
  at += 33;
  const auto optional = [&](uint32_t flag) {
    if ((flags & flag) == 0 || end - at < 8) return kUnknown;
    at += 8;
    return get<double>(at - 8);
  };
  fix.motion.heading = optional(kHeading);
  fix.motion.speed = optional(kSpeed);
  fix.motion.accuracy = optional(kAccuracy);
  if (end - at < 2) return false;
  fix.id = {at + 1, *at};
  at += 1 + size_t{fix.id.size};
  if (at > end || fix.id.size == 0 || fix.id.size > kIdBytesMax) return false;
  fix.tags = {nullptr, 0};
  if (at < end) fix.tags = {at, uint32_t(end - at)};
  if (fix.tags.data != nullptr && !areTags(fix.tags)) return false;
  fix.code = FixCode::None;
  fix.idHash = hashId(fix.id);
  return std::abs(fix.lat) <= 90 && std::abs(fix.lon) <= 180 && std::isfinite(fix.timeMs) && fix.ttlSeconds > 0;
}

}  // namespace

void Journal::mark(const uint32_t* drivers, uint32_t count) {
  if (count == 0) return;
  // Whoever takes a mark that we find set must see our change. (The thread sanitizer does not know fences; fetch_or is one as well.)
#ifndef RAZIEL_TSAN
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t block = drivers[i] / kBlockDrivers;
#ifndef RAZIEL_TSAN
    if (marks_[block / 64].load(std::memory_order_relaxed) >> (block % 64) & 1) continue;
#endif
    markBlock(block);
  }
}

void Journal::markBlock(uint32_t block) {
  marks_[block / 64].fetch_or(uint64_t{1} << (block % 64), std::memory_order_seq_cst);
}

uint64_t Journal::take(size_t word) {
  if (marks_[word].load(std::memory_order_relaxed) == 0) return 0;
  const uint64_t taken = marks_[word].exchange(0, std::memory_order_seq_cst);
#ifndef RAZIEL_TSAN
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  return taken;
}

bool Journal::anyMarked() const {
  for (size_t word = 0; word < marks_.size(); ++word) {
    if (marks_[word].load(std::memory_order_relaxed) != 0) return true;
  }
  return false;
}

bool JournalReader::done() const { return word_ >= session_.store().journal.words(); }

void JournalReader::drain(uint8_t* out, size_t size, double sequence, size_t blocksMax,
                          std::vector<DrainedBlock>& blocks) {
  Journal& journal = session_.store().journal;
  size_t at = 0;
  for (; word_ < journal.words(); ++word_) {
    if (size - at < kBlockBytesMax || blocks.size() == blocksMax) return;
    uint64_t marks = journal.take(word_);
    if (marks == 0) continue;
    EpochPin pinned = session_.pin();
    for (TagBytes& tags : tagBytes_) tags.set = TagSets::kEmpty;
    for (; marks != 0; marks &= marks - 1) {
      const uint32_t block = uint32_t(word_ * 64) + uint32_t(std::countr_zero(marks));
      if (size - at < kBlockBytesMax || blocks.size() == blocksMax) {
        for (; marks != 0; marks &= marks - 1) {
          journal.markBlock(uint32_t(word_ * 64) + uint32_t(std::countr_zero(marks)));
        }
        return;
      }
      at += encode(block, sequence + double(blocks.size()), out + at);
      blocks.push_back({block, uint32_t(at)});
    }
  }
}

/** Writes a block; returns its bytes, none when none of its slots is held. The caller is pinned. */
size_t JournalReader::encode(uint32_t block, double sequence, uint8_t* out) {
  const DriverStore& store = session_.store();
  uint32_t fixes[Journal::kBlockDrivers];
  uint32_t held = 0;
  const uint32_t first = block * Journal::kBlockDrivers;
  for (uint32_t i = 0; i < Journal::kBlockDrivers; ++i) {
    const uint32_t driver = first + i;
    fixes[i] = driver < store.drivers.size() ? store.drivers[driver].fix.load(std::memory_order_acquire) : 0;
    if (fixes[i] == 0) continue;
    __builtin_prefetch(&store.fixes[fixes[i]]);
    held |= 1u << i;
  }
  if (held == 0) return 0;
  uint8_t* lengths = out + kHeaderBytes;
  uint8_t* at = lengths + 2 * size_t(std::popcount(held));
  uint8_t* const headerEnd = at;
  for (uint32_t i = 0; i < Journal::kBlockDrivers; ++i) {
    if ((held >> i & 1) == 0) continue;
    const FixBlock& fix = store.fixes[fixes[i]];
    const std::string_view id = store.drivers[first + i].id();
    uint8_t* const record = at;
    at = put(at + 4, fix.lat);
    at = put(at, fix.lon);
    at = put(at, fix.timeMs);
    at = put(at, fix.ttlSeconds);
    uint8_t* const flags = at++;
    *flags = 0;
    const auto optional = [&](double value, uint32_t flag) {
      if (std::isnan(value)) return;
      *flags |= uint8_t(flag);
      at = put(at, value);
    };
    optional(fix.motion.heading, kHeading);
    optional(fix.motion.speed, kSpeed);
    optional(fix.motion.accuracy, kAccuracy);
    *at++ = uint8_t(id.size());
    std::memcpy(at, id.data(), id.size());
    at += id.size();
    if (fix.tagSet != TagSets::kEmpty) {
      const std::vector<uint8_t>& tags = tagsOf(fix.tagSet);
      std::memcpy(at, tags.data(), tags.size());
      at += tags.size();
    }
    put(record, crc32(record + 4, size_t(at - record) - 4, first + i));
    lengths = put(lengths, uint16_t(at - record));
  }
  put(put(out + 4, held), sequence);
  put(out, crc32(out + 4, size_t(headerEnd - out) - 4, block));
  return size_t(at - out);
}

/** A set of tags as MessagePack, by bytes. */
const std::vector<uint8_t>& JournalReader::tagsOf(uint32_t set) {
  TagBytes& known = tagBytes_[set % std::size(tagBytes_)];
  if (known.set == set) return known.bytes;
  const DriverStore& store = session_.store();
  std::vector<std::string_view> names;
  store.tagSets.maskOf(set).forEach([&](uint32_t bit) { names.push_back(store.tags.nameOf(bit)); });
  std::sort(names.begin(), names.end());
  known.set = set;
  known.bytes.resize(kTagsBytesMax);
  MsgpackWriter out(known.bytes.data(), known.bytes.size());
  out.array(uint32_t(names.size()));
  for (const std::string_view name : names) out.string(name);
  known.bytes.resize(out.size());
  return known.bytes;
}

double JournalReader::sequenceOf(uint32_t block, const uint8_t* bytes, size_t size) {
  const Header header(block, bytes, size);
  return header.ok ? header.sequence : -1;
}

void JournalReader::beginRestore(uint32_t blocks) {
  DriverStore& store = session_.store();
  restoring_ = uint32_t(std::min<uint64_t>(uint64_t{blocks} * Journal::kBlockDrivers, store.drivers.size()));
  store.driverPool.takeBelow(restoring_);
}

void JournalReader::restore(uint32_t block, const uint8_t* bytes, size_t size, double nowMs, RestoreCounts& counts) {
  const RestoreCounts before = counts;
  const Header header(block, bytes, size);
  fixes_.clear();
  slots_.clear();
  if (!header.ok) {
    // How many drivers it had nobody knows.
    counts.damaged += size < kHeaderBytes ? 1 : std::max(1, std::popcount(get<uint32_t>(bytes + 4)));
  } else {
    const uint8_t* at = header.records;
    uint32_t held = header.held;
    for (uint32_t i = 0; held != 0; ++i, held &= held - 1) {
      const uint32_t slot = block * Journal::kBlockDrivers + uint32_t(std::countr_zero(held));
      DecodedFix fix;
      if (readRecord(at, header.lengthOf(i), slot, fix)) {
        fixes_.push_back(fix);
        slots_.push_back(slot < restoring_ ? slot : 0);
      } else {
        ++counts.damaged;
      }
      at += header.lengthOf(i);
    }
    session_.restore(fixes_, slots_, nowMs, counts);
  }
  // What is stored is no longer what is held.
  const bool differs = counts.damaged != before.damaged || counts.expired != before.expired ||
                       counts.superseded != before.superseded || counts.refused != before.refused;
  Journal& journal = session_.store().journal;
  if (differs && block / 64 < journal.words()) journal.markBlock(block);
}

void JournalReader::endRestore() {
  DriverStore& store = session_.store();
  std::vector<uint32_t> unused;
  for (uint32_t driver = restoring_; driver-- > 1;) {
    if (store.drivers[driver].fix.load(std::memory_order_relaxed) == 0) unused.push_back(driver);
  }
  store.driverPool.give(unused, uint32_t(unused.size()));
  restoring_ = 0;
}

uint32_t JournalReader::replay(const uint8_t* batch, size_t size, double appliedAtMs) {
  const DriverStore& store = session_.store();
  const uint32_t before = store.held.load(std::memory_order_relaxed);
  MsgpackReader reader(batch, size);
  if (reader.peek() != MsgpackReader::Type::Array || !session_.decode(reader, appliedAtMs)) return 0;
  session_.applyDecoded(appliedAtMs);
  const uint32_t after = store.held.load(std::memory_order_relaxed);
  return after > before ? after - before : 0;
}

}  // namespace raziel

// What durable storage needs of the drivers: which have changed since they were stored, and their fixes as bytes.
//
// Drivers are stored in blocks of 32 slots. A change, of whatever kind, marks its driver's block; a drain takes the marks and encodes what those
// blocks hold then. A block says all there is in its slots, so that removed drivers need no record of their own, the order of drains does not
// matter, and what is stored converges to what is held (docs/decisions/durable-state.md).
//
// A block, little-endian: uint32 CRC-32 of the rest of the header, seeded with the block's number; uint32 which slots are held, a bit each;
// float64 sequence, higher in whichever block was encoded later; uint16 length of each held slot's record. Then the records: uint32 CRC-32 of the rest,
// seeded with the slot's index; float64 lat, lon, time, ttl; uint8 flags (1 heading, 2 speed, 4 accuracy) and a float64 for each of those; uint8 length
// of the id; the id; and, where it has tags, a MessagePack array of them.

#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "fix.h"
#include "virtual_array.h"

namespace raziel {

struct DriverStore;
class Session;

/** The marks of changed blocks. Any thread. */
class Journal {
 public:
  static constexpr uint32_t kBlockDrivers = 32;

  explicit Journal(size_t drivers) : marks_(drivers / kBlockDrivers / 64 + 1) {}

  /** Off until somebody stores: marks cost little, and nothing at all while nobody wants them. */
  bool on() const { return on_.load(std::memory_order_relaxed); }
  void turnOn() { on_.store(true, std::memory_order_seq_cst); }

  /** Marks the blocks of drivers whose change can be seen already. */
  void mark(const uint32_t* drivers, uint32_t count);
  void markBlock(uint32_t block);

  size_t words() const { return marks_.size(); }
  /** Takes the marks of 64 blocks; what was marked before this call can be seen after it. */
  uint64_t take(size_t word);
  bool anyMarked() const;

 private:
  VirtualArray<std::atomic<uint64_t>> marks_;
  std::atomic<bool> on_{false};
};

struct DrainedBlock {
  uint32_t block;
  /** One past its bytes in the buffer; those of an empty block are none. */
  uint32_t end;
};

/** What became of stored drivers. */
struct RestoreCounts {
  uint32_t restored = 0;
  /** Past their ttl. */
  uint32_t expired = 0;
  /** Held already, from a block that was encoded later. */
  uint32_t superseded = 0;
  /** No room for them. */
  uint32_t refused = 0;
  /** Their bytes are not what was written. */
  uint32_t damaged = 0;
};

/** Drains and restores, for the one thread that stores; its session is the thread's own. */
class JournalReader {
 public:
  explicit JournalReader(Session& session) : session_(session) {}

  /** The next drain begins at the first block. */
  void rewind() { word_ = 0; }

  /**
   * Encodes changed blocks from where the last call stopped, until there is no room for another one or there are `blocksMax`, or until all are
   * encoded: then `done()` is true. The block that comes k-th has the sequence `sequence + k`.
   */
  void drain(uint8_t* out, size_t size, double sequence, size_t blocksMax, std::vector<DrainedBlock>& blocks);
  bool done() const;

  /** Takes the slots of the blocks below `blocks` for stored drivers, in a store that has none. */
  void beginRestore(uint32_t blocks);

  /** Puts the drivers of a stored block back into their slots. Call it for blocks of higher sequences first. */
  void restore(uint32_t block, const uint8_t* bytes, size_t size, double nowMs, RestoreCounts& counts);

  /** Gives the slots that stayed empty to new drivers. */
  void endRestore();

  /**
   * Applies a batch of fixes (a MessagePack array) again, as of the moment at which it was applied; call it behind endRestore(). Returns how many
   * drivers are held more than before.
   */
  uint32_t replay(const uint8_t* batch, size_t size, double appliedAtMs);

  /** The sequence of a stored block; negative when its header is damaged. */
  static double sequenceOf(uint32_t block, const uint8_t* bytes, size_t size);

  /** No block takes more. */
  static constexpr size_t kBlockBytesMax =
      16 + Journal::kBlockDrivers * (2 + 4 + 4 * 8 + 1 + 3 * 8 + 1 + kIdBytesMax + 3 + kTagsPerDriverMax * (kTagBytesMax + 2));

 private:
  struct TagBytes {
    uint32_t set = 0;
    std::vector<uint8_t> bytes;
  };

  size_t encode(uint32_t block, double sequence, uint8_t* out);
  const std::vector<uint8_t>& tagsOf(uint32_t set);

  Session& session_;
  size_t word_ = 0;
  uint32_t restoring_ = 0;
  /** Encoded sets of tags by number, direct-mapped; good for as long as a pin. */
  TagBytes tagBytes_[64];
  std::vector<DecodedFix> fixes_;
  std::vector<uint32_t> slots_;
};

}  // namespace raziel

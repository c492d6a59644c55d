// What the threads of a process share by a number that they can send each other: weak references, so that a thing lives as long as
// some thread holds it. Any thread may call.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace raziel {

template <typename T>
class ProcessRegistry {
 public:
  uint32_t add(const std::shared_ptr<T>& thing) {
    const std::lock_guard guard(mutex_);
    things_[++last_] = thing;
    return last_;
  }

  /** nullptr when nobody holds it any more. */
  std::shared_ptr<T> find(uint32_t handle) {
    const std::lock_guard guard(mutex_);
    const auto found = things_.find(handle);
    return found == things_.end() ? nullptr : found->second.lock();
  }

 private:
  std::mutex mutex_;
  uint32_t last_ = 0;
  std::map<uint32_t, std::weak_ptr<T>> things_;
};

}  // namespace raziel

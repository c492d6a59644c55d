// Node-API's side of what durable storage needs of the engine and of the system. Runs on the JavaScript thread that calls.

#include "journal_addon.h"

#include <sys/file.h>

namespace raziel {

namespace {

/** lockFile(fd) → whether this process now has the exclusive lock on the open file; it goes with the file's last descriptor. */
Napi::Value LockFile(const Napi::CallbackInfo& info) {
  const int status = flock(info[0].As<Napi::Number>().Int32Value(), LOCK_EX | LOCK_NB);
  return Napi::Boolean::New(info.Env(), status == 0);
}

}  // namespace

void InitJournal(Napi::Env env, Napi::Object exports) {
  exports["lockFile"] = Napi::Function::New<LockFile>(env, "lockFile");
}

}  // namespace raziel

// Node-API's side of what durable storage needs of the engine and of the system; see journal_addon.cc.

#pragma once

#include <napi.h>

namespace raziel {

/** Adds `lockFile` to the addon's exports. */
void InitJournal(Napi::Env env, Napi::Object exports);

}  // namespace raziel

// Node-API's side of what durable storage needs of the engine and of the system; see journal_addon.cc.

#pragma once

#include <napi.h>

#include "driver_store.h"
#include "process_registry.h"

namespace raziel {

/** The stores of this process by handle. */
ProcessRegistry<DriverStore>& stores();

/** Adds `Journal` and `lockFile` to the addon's exports. */
void InitJournal(Napi::Env env, Napi::Object exports);

}  // namespace raziel

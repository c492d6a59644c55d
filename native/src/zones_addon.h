// Node-API's side of the zones; see zones_addon.cc.

#pragma once

#include <napi.h>

#include <memory>

#include "zones/publisher.h"

namespace raziel {

/** The zones of this process that were opened under a handle, or nullptr when no thread holds them any more. */
std::shared_ptr<zones::Publisher> findZones(uint32_t handle);

/** Adds `buildZoneLayer`, `assembleZones`, `ZoneSnapshot` and `Zones` to the addon's exports. */
void InitZones(Napi::Env env, Napi::Object exports);

}  // namespace raziel

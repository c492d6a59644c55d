// Node-API's side of the zones; see zones_addon.cc.

#pragma once

#include <napi.h>

namespace raziel {

/** Adds `buildZoneLayer`, `assembleZones`, `ZoneSnapshot` and `Zones` to the addon's exports. */
void InitZones(Napi::Env env, Napi::Object exports);

}  // namespace raziel

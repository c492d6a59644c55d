// The policies of places, each made once for the zones that are there: a pickup's lookup answers the same zones, as the same objects, until others
// are published.
//
//   const { policy, packed } = policies.of(zones.at(37.62, -122.38).zones);
//
// Kept in a tree of weak maps, a level for each zone of a place, so that a policy goes when the zones do.

import { packMessage } from '../protocol/codec.ts';
import { policyOf } from '../zones/policy.ts';
import type { ZoneAnswer } from '../zones/zone-index.ts';
import { type EffectivePolicy, effectivePolicy, type PolicyZone } from './policy.ts';

export interface PlacePolicy {
  readonly policy: EffectivePolicy;
  /** The MessagePack of `{zones, policy}` as answers have it, without the map's head: two pairs. */
  readonly packed: Uint8Array;
}

interface Node {
  /** Where these are all zones. */
  place: PlacePolicy | undefined;
  /** Where there is one more. */
  readonly next: WeakMap<ZoneAnswer, Node>;
}

export class Policies {
  readonly #root = newNode();

  /** @param zones in the order of lookups */
  of(zones: readonly ZoneAnswer[]): PlacePolicy {
    let node = this.#root;
    for (let i = 0; i < zones.length; i++) {
      const zone = zones[i] as ZoneAnswer;
      let next = node.next.get(zone);
      if (next === undefined) {
        next = newNode();
        node.next.set(zone, next);
      }
      node = next;
    }
    node.place ??= placePolicy(zones);
    return node.place;
  }
}

function newNode(): Node {
  return { place: undefined, next: new WeakMap() };
}

function placePolicy(zones: readonly ZoneAnswer[]): PlacePolicy {
  const policy = effectivePolicy(zones.map(policyZone));
  // The head of so small a map is one byte.
  return { policy, packed: packMessage({ zones: policy.zones, policy: policy.rules }).slice(1) };
}

function policyZone({ layer, id, properties }: ZoneAnswer): PolicyZone {
  const priority = typeof properties?.['priority'] === 'number' ? properties['priority'] : 0;
  return { layer, id, priority, policy: policyOf(properties) };
}

// What `--eta` names: which service travel times are asked of, and where it is.
//
//   readEtaService('osrm:http://127.0.0.1:5000')       // { kind: 'osrm', url: …/table/v1/driving }
//   readEtaService('valhalla:http://10.0.0.7:8002')    // { kind: 'valhalla', url: …/sources_to_targets }
//   readEtaService('learned')                          // 'learned': no service

export interface EtaService {
  readonly kind: 'osrm' | 'valhalla';
  /** With the whole path: of OSRM up to the profile. */
  readonly url: URL;
}

const OSRM_TABLE = '/table/v1/';
const OSRM_PROFILE = 'driving';
const VALHALLA_MATRIX = '/sources_to_targets';

/** Undefined for what is neither `learned` nor `osrm:URL` nor `valhalla:URL`. */
export function readEtaService(text: string): EtaService | 'learned' | undefined {
  if (text === 'learned') return 'learned';
  const match = /^(osrm|valhalla):(https?:\/\/.+)$/.exec(text);
  if (match?.[2] === undefined || !URL.canParse(match[2])) return undefined;
  const url = new URL(match[2]);
  // A password has no place in what `raziel config` shows.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  const kind = match[1] as EtaService['kind'];
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = kind === 'osrm' ? osrmPath(path) : path.endsWith(VALHALLA_MATRIX) ? path : `${path}${VALHALLA_MATRIX}`;
  return { kind, url };
}

function osrmPath(path: string): string {
  return `${path}/`.includes(OSRM_TABLE) ? path : `${path}${OSRM_TABLE}${OSRM_PROFILE}`;
}

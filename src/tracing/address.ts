// UDP addresses of settings: `7401`, `collector.example:7401`, `[::1]:7401`.

export interface UdpAddress {
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/;

/** @param hostDefault for an address without a host; none is taken without @returns undefined for what is no address */
export function readUdpAddress(text: string, hostDefault?: string): UdpAddress | undefined {
  const [, bracketed, plain, digits] = FORM.exec(text.trim()) ?? [];
  const host = bracketed ?? plain ?? hostDefault;
  const port = Number(digits);
  return host === undefined || !(port >= 0 && port <= 65_535) ? undefined : { host, port };
}

export function showUdpAddress({ host, port }: UdpAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

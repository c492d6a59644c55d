// The layout of LMDB's data file, as far as a reader needs it that trusts nothing in it: format 2, the one of lmdb-js, in little-endian order.
// From lmdb's mdb.c: MDB_meta, MDB_page_header, MDB_node, MDB_ovpage, MDB_db.
//
// The file is pages. Pages 0 and 1 are meta pages, written in turn, each with the number of the transaction that wrote it; the higher one counts.
// It has the roots of two B+ trees: that of free pages, and the main one, in whose leaves are the roots of the named databases. Values over
// half a page have pages of their own (overflow).

export const META_PAGES = 2;
export const PAGE_HEADER_BYTES = 24;
const NODE_HEADER_BYTES = 8;
const TREE_BYTES = 48;
const OVERFLOW_BYTES = 24;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
/** The root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

export const BRANCH_PAGE = 0x01;
export const LEAF_PAGE = 0x02;
export const OVERFLOW_PAGE = 0x04;
const META_PAGE = 0x08;

export const NODE_OVERFLOW = 0x01;
export const NODE_TREE = 0x02;

export const INTEGER_KEYS = 0x08;
/** MDB_NOSUBDIR, which is stored with the flags of the tree of free pages. */
const NO_SUBDIRECTORY = 0x4000;
const FREE_TREE_FLAGS = INTEGER_KEYS | NO_SUBDIRECTORY;

/** Enough of a file's beginning for a meta page. */
export const META_BYTES = PAGE_HEADER_BYTES + 24 + 2 * TREE_BYTES + 16;

/** A file that is not what was written; the message says in a clause what is wrong. */
export class DamagedFile extends Error {}

/** Refuses what is not so. */
export function require(isSo: boolean, what: () => string): asserts isSo {
  if (!isSo) throw new DamagedFile(what());
}

/** A page number or count: what is past the integers of a double is past any file. */
function whole(bytes: Buffer, at: number): number {
  const value = bytes.readBigUInt64LE(at);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

export interface Tree {
  readonly pad: number;
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Undefined when it is empty. */
  readonly root: number | undefined;
}

export function readTree(bytes: Buffer, at: number): Tree {
  return {
    pad: bytes.readUInt32LE(at),
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branchPages: whole(bytes, at + 8),
    leafPages: whole(bytes, at + 16),
    overflowPages: whole(bytes, at + 24),
    entries: whole(bytes, at + 32),
    root: bytes.readBigUInt64LE(at + 40) === NO_PAGE ? undefined : whole(bytes, at + 40),
  };
}

export interface Meta {
  readonly pageBytes: number;
  readonly free: Tree;
  readonly main: Tree;
  readonly lastPage: number;
  readonly transaction: number;
}

/** @throws DamagedFile for what LMDB itself would refuse, or trip over */
export function readMeta(bytes: Buffer, slot: number): Meta {
  const flags = bytes.readUInt16LE(18);
  const at = PAGE_HEADER_BYTES;
  require(whole(bytes, 0) === slot && flags === META_PAGE, () => `page ${slot} is no meta page`);
  require(bytes.readUInt32LE(at) === MAGIC, () => `meta page ${slot} has another magic number than LMDB's`);
  const version = bytes.readUInt32LE(at + 4);
  require(version === DATA_VERSION, () => `meta page ${slot} has LMDB's format ${version}, not ${DATA_VERSION}`);
  const free = readTree(bytes, at + 24);
  const main = readTree(bytes, at + 24 + TREE_BYTES);
  const pageBytes = free.pad;
  const isSize = pageBytes >= 512 && pageBytes <= 65_536 && (pageBytes & (pageBytes - 1)) === 0;
  require(isSize, () => `meta page ${slot} says that pages have ${pageBytes} bytes`);
  require(free.flags === FREE_TREE_FLAGS && main.flags === 0 && main.pad === 0, () =>
    `meta page ${slot} has unknown flags`);
  return {
    pageBytes,
    free,
    main,
    lastPage: whole(bytes, at + 24 + 2 * TREE_BYTES),
    transaction: whole(bytes, at + 32 + 2 * TREE_BYTES),
  };
}

export interface PageHeader {
  readonly number: number;
  readonly transaction: number;
  readonly flags: number;
  /** Of an overflow page: it and those behind it that belong to it. */
  readonly pages: number;
  /** Of branch and leaf pages: the bytes of the pointers, and where the nodes begin; both count from the end of the header. */
  readonly lower: number;
  readonly upper: number;
  readonly pad: number;
}

export function readHeader(bytes: Buffer, at = 0): PageHeader {
  return {
    number: whole(bytes, at),
    transaction: whole(bytes, at + 8),
    pad: bytes.readUInt16LE(at + 16),
    flags: bytes.readUInt16LE(at + 18),
    lower: bytes.readUInt16LE(at + 20),
    upper: bytes.readUInt16LE(at + 22),
    pages: bytes.readUInt32LE(at + 20),
  };
}

/** Where a value of its own pages is. */
export interface Overflow {
  readonly page: number;
  readonly transaction: number;
  readonly pages: number;
}

export interface Node {
  readonly key: Buffer;
  readonly flags: number;
  /** Of a branch page: the child. */
  readonly child: number;
  /** Of a leaf page: bytes of the value. */
  readonly size: number;
  /** Of a leaf page: the value where it is in the page, the tree of a named database, or where the value is. */
  readonly value: Buffer;
  /** What the node takes of its page. */
  readonly bytes: number;
}

/**
 * A node of a page, checked to be within it.
 * @throws DamagedFile
 */
export function readNode(page: Buffer, header: PageHeader, index: number): Node {
  const { number } = header;
  const offset = page.readUInt16LE(PAGE_HEADER_BYTES + 2 * index);
  const at = PAGE_HEADER_BYTES + offset;
  const isInside = offset >= header.upper && offset % 2 === 0 && at + NODE_HEADER_BYTES <= page.length;
  require(isInside, () => `page ${number} has a node outside of it`);
  const low = page.readUInt32LE(at);
  const flags = page.readUInt16LE(at + 4);
  const keyBytes = page.readUInt16LE(at + 6);
  const isLeaf = header.flags === LEAF_PAGE;
  const held = isLeaf ? ((flags & NODE_OVERFLOW) === 0 ? low : OVERFLOW_BYTES) : 0;
  const bytes = NODE_HEADER_BYTES + keyBytes + held;
  require(at + bytes <= page.length, () => `page ${number} has a node that ends outside of it`);
  const valueAt = at + NODE_HEADER_BYTES + keyBytes;
  return {
    key: page.subarray(at + NODE_HEADER_BYTES, valueAt),
    flags,
    child: isLeaf ? 0 : low + flags * 2 ** 32,
    size: isLeaf ? low : 0,
    value: page.subarray(valueAt, valueAt + held),
    bytes: bytes + (bytes % 2),
  };
}

export function readOverflow({ value }: Node): Overflow {
  return { page: whole(value, 0), transaction: whole(value, 8), pages: whole(value, 16) };
}

/** The pages that a value takes. */
export function overflowPagesOf(size: number, pageBytes: number): number {
  return Math.floor((PAGE_HEADER_BYTES - 1 + size) / pageBytes) + 1;
}

export function isTreeSize(size: number): boolean {
  return size === TREE_BYTES;
}

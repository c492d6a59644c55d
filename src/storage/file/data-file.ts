// Reads LMDB's data file page by page with plain reads, and believes nothing that it says until it is checked: LMDB itself maps the file and
// follows what it finds, so that a truncated file ends the process (SIGBUS) and a changed byte may answer with anything. What passes here is
// safe to be opened. It is also how a data directory is read that nobody may open, such as a damaged one.
//
//   const file = DataFile.open('raziel-data/raziel.mdb');     // DamagedFile, when it is none
//   file.check((name, entry) => …);                           // every page, every entry; DamagedFile at the first fault
//   file.close();

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  BRANCH_PAGE,
  DamagedFile,
  INTEGER_KEYS,
  isTreeSize,
  LEAF_PAGE,
  type Meta,
  META_BYTES,
  META_PAGES,
  type Node,
  NODE_OVERFLOW,
  NODE_TREE,
  OVERFLOW_PAGE,
  overflowPagesOf,
  PAGE_HEADER_BYTES,
  type PageHeader,
  readHeader,
  readMeta,
  readNode,
  readOverflow,
  readTree,
  require,
  type Tree,
} from './layout.ts';
import { PageSet } from './page-set.ts';

/** Levels of a tree; LMDB has no more. */
const DEPTH_MAX = 32;

export interface Entry {
  /** Valid during the visit. */
  readonly key: Buffer;
  /** Of the value. */
  readonly size: number;
  /** The first bytes of the value, as many as `check` was told, or all of a shorter one; valid until the next read. */
  head(): Buffer;
  /** The value; valid until the next read. */
  value(): Buffer;
}

type Visit = (database: string, entry: Entry) => void;

export class DataFile {
  readonly fileBytes: number;
  readonly pageBytes: number;
  /** The transaction that is held; the newest. */
  readonly transaction: number;
  /** In bytes; of those the rest is free for what is written next. */
  usedBytes = 0;
  readonly #fd: number;
  readonly #meta: Meta;
  readonly #other: Meta;
  readonly #levels: Buffer[] = [];
  #value = Buffer.alloc(4096);
  /** The overflow page whose beginning is in #value. */
  #peeked: number | undefined;
  #used!: PageSet;
  #headBytes = 0;

  private constructor(fd: number, fileBytes: number) {
    this.#fd = fd;
    this.fileBytes = fileBytes;
    const first = this.#readMeta(0, 0);
    const second = this.#readMeta(1, first.pageBytes);
    require(first.pageBytes === second.pageBytes, () => 'its meta pages have different page sizes');
    const [newer, older] = first.transaction >= second.transaction ? [first, second] : [second, first];
    this.#meta = newer;
    this.#other = older;
    this.pageBytes = newer.pageBytes;
    this.transaction = newer.transaction;
    checkTurns(first, second);
  }

  /** @throws DamagedFile, or Error when it cannot be read */
  static open(path: string): DataFile {
    const fd = openSync(path, 'r');
    try {
      return new DataFile(fd, fstatSync(fd).size);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /**
   * Checks all that is in use and visits the entries of the named databases, by database and key.
   * @param headBytes of each value that `Entry.head` is to have
   * @throws DamagedFile at the first fault, or what `visit` throws
   */
  check(visit: Visit, headBytes = 0): ReadonlyMap<string, Tree> {
    this.#headBytes = headBytes;
    const pages = Math.max(META_PAGES, Math.floor(this.fileBytes / this.pageBytes));
    this.#used = new PageSet(pages);
    this.#used.add(0, META_PAGES);
    this.#checkRoot(this.#meta);
    this.#checkRoot(this.#other);
    const databases = new Map<string, Tree>();
    this.#walk(this.#meta.main, (node) => {
      const name = node.key.toString('latin1').replace(/\0$/, '');
      require(node.flags === NODE_TREE && isTreeSize(node.size), () =>
        `the entry ${JSON.stringify(name)} of the main tree is no database`);
      databases.set(name, readTree(node.value, 0));
    });
    for (const [name, tree] of databases) this.#walk(tree, (node) => visit(name, this.#entry(node)));
    this.usedBytes = this.#used.count * this.pageBytes;
    this.#checkFree();
    return databases;
  }

  /** The order of commits shows in the roots: each commit writes the root of the main tree. */
  #checkRoot({ main, free, transaction }: Meta): void {
    if (transaction === 0) {
      require(main.root === undefined && free.root === undefined, () => 'a meta page of no transaction has data');
      return;
    }
    const page = main.root === undefined ? undefined : readHeader(this.#pageAt(main.root, 0));
    const isIts = page?.transaction === transaction;
    require(isIts, () =>
      `the meta page of transaction ${transaction} has the root of transaction ${page?.transaction}`);
  }

  /** Free pages are those that nothing uses: LMDB would write into others. */
  #checkFree(): void {
    const free = new PageSet(this.#meta.lastPage + 1);
    const take = (first: number, count: number): void => {
      const isInside = first >= META_PAGES && count > 0 && first + count - 1 <= this.#meta.lastPage;
      require(isInside, () => `the free pages ${first} to ${first + count - 1} are outside of the file`);
      require(!this.#used.hasAny(first, count), () => `the free pages ${first} to ${first + count - 1} are in use`);
      require(free.add(first, count), () => `the pages ${first} to ${first + count - 1} are free twice`);
    };
    // Its own pages first.
    const lists: Buffer[] = [];
    this.#walk(this.#meta.free, (node) => {
      const transaction = node.key.length === 8 ? Number(node.key.readBigUInt64LE()) : Number.NaN;
      require(transaction <= this.transaction, () => `the free pages of transaction ${transaction} are of a later one`);
      lists.push(Buffer.from(this.#entry(node).value()));
    });
    for (const list of lists) readFreeList(list, take);
  }

  /** Visits the nodes of the leaves, in order. */
  #walk(tree: Tree, visit: (node: Node) => void): void {
    const { root, depth, flags } = tree;
    require((flags & ~(INTEGER_KEYS | 0x4000)) === 0, () => `a database has unknown flags: ${flags}`);
    const counted = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    if (root === undefined) require(depth === 0, () => 'an empty tree has levels');
    else {
      require(depth > 0 && depth <= DEPTH_MAX, () => `a tree has ${depth} levels`);
      this.#walkPage(root, 1, tree, counted, undefined, undefined, visit);
    }
    for (const [name, count] of Object.entries(counted) as [keyof typeof counted, number][]) {
      require(tree[name] === count, () => `a tree has ${count} ${name} and says ${tree[name]}`);
    }
  }

  /** @param from no key of the page is below it @param to all are below it */
  #walkPage(
    number: number,
    level: number,
    tree: Tree,
    counted: { branchPages: number; leafPages: number; overflowPages: number; entries: number },
    from: Buffer | undefined,
    to: Buffer | undefined,
    visit: (node: Node) => void,
  ): void {
    const page = this.#pageAt(number, level);
    require(this.#used.add(number, 1), () => `page ${number} is used twice`);
    const header = readHeader(page);
    const isLeaf = level === tree.depth;
    this.#checkHeader(header, number, isLeaf ? LEAF_PAGE : BRANCH_PAGE);
    const count = header.lower / 2;
    const hasRoom = Number.isInteger(count) && count >= (isLeaf ? 1 : 2) && header.lower <= header.upper;
    require(hasRoom && header.upper <= this.pageBytes - PAGE_HEADER_BYTES, () =>
      `page ${number} has impossible bounds`);
    const compare = (tree.flags & INTEGER_KEYS) === 0 ? Buffer.compare : compareIntegers;
    let bytes = 0;
    let before = from;
    const nodes = Array.from({ length: count }, (_, i) => readNode(page, header, i));
    for (const [i, node] of nodes.entries()) {
      bytes += node.bytes;
      // The first key of a branch page stands for all that is smaller.
      if (!isLeaf && i === 0) continue;
      const order = before === undefined ? 1 : compare(node.key, before);
      const isFirst = isLeaf && i === 0;
      const isOrdered = (order > 0 || (order === 0 && isFirst)) && (to === undefined || compare(node.key, to) < 0);
      require(isOrdered && isKey(node.key, tree), () => `the keys of page ${number} are out of order`);
      before = node.key;
    }
    const room = this.pageBytes - PAGE_HEADER_BYTES - header.upper;
    require(bytes === room, () => `the nodes of page ${number} take ${bytes} bytes of ${room}`);
    if (isLeaf) {
      counted.leafPages++;
      counted.entries += count;
      for (const node of nodes) {
        if ((node.flags & NODE_OVERFLOW) !== 0) counted.overflowPages += this.#checkOverflow(node);
        require((node.flags & ~(NODE_OVERFLOW | NODE_TREE)) === 0, () =>
          `page ${number} has a node with unknown flags`);
        visit(node);
      }
      return;
    }
    counted.branchPages++;
    for (const [i, node] of nodes.entries()) {
      const low = i === 0 ? from : node.key;
      this.#walkPage(node.child, level + 1, tree, counted, low, nodes[i + 1]?.key ?? to, visit);
    }
  }

  #checkOverflow(node: Node): number {
    const { page, pages, transaction } = readOverflow(node);
    // With the beginning of the value, which is asked for next.
    this.#read(page, Math.min(PAGE_HEADER_BYTES + this.#headBytes, this.pageBytes));
    this.#peeked = page;
    const header = readHeader(this.#value);
    this.#checkHeader(header, page, OVERFLOW_PAGE);
    const isWhole = header.pages === pages && pages >= overflowPagesOf(node.size, this.pageBytes);
    require(isWhole && transaction <= this.transaction, () => `page ${page} does not have the value of its node`);
    require(page + pages <= this.fileBytes / this.pageBytes, () => `the file ends within the value of page ${page}`);
    require(this.#used.add(page, pages), () => `page ${page} is used twice`);
    return pages;
  }

  #checkHeader(header: PageHeader, number: number, flags: number): void {
    const isIt = header.number === number && header.flags === flags && header.pad === 0;
    require(isIt && header.transaction <= this.transaction, () => `page ${number} has the header of another page`);
  }

  #entry(node: Node): Entry {
    const isApart = (node.flags & NODE_OVERFLOW) !== 0;
    const { size } = node;
    const at = isApart ? readOverflow(node).page : 0;
    return {
      key: node.key,
      size,
      head: () => {
        if (!isApart) return node.value.subarray(0, this.#headBytes);
        if (this.#peeked !== at) this.#read(at, PAGE_HEADER_BYTES + this.#headBytes);
        return this.#value.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + this.#headBytes);
      },
      value: () => (isApart ? this.#read(at, PAGE_HEADER_BYTES + size).subarray(PAGE_HEADER_BYTES) : node.value),
    };
  }

  /** A page into the buffer of its level, which stays while the levels below are walked. */
  #pageAt(number: number, level: number): Buffer {
    const page = (this.#levels[level] ??= Buffer.alloc(this.pageBytes));
    this.#readInto(page, number, this.pageBytes);
    return page;
  }

  #read(number: number, bytes: number): Buffer {
    this.#peeked = undefined;
    if (this.#value.length < bytes) this.#value = Buffer.alloc(Math.max(bytes, 2 * this.#value.length));
    this.#readInto(this.#value, number, bytes);
    return this.#value.subarray(0, bytes);
  }

  #readInto(into: Buffer, number: number, bytes: number): void {
    const position = number * this.pageBytes;
    const isThere = number >= META_PAGES && position + bytes <= this.fileBytes;
    require(isThere, () => `the file has ${this.fileBytes} bytes and ends before page ${number}`);
    const got = readSync(this.#fd, into, 0, bytes, position);
    require(got === bytes, () => `the file ends before page ${number}`);
  }

  #readMeta(slot: number, at: number): Meta {
    const bytes = Buffer.alloc(META_BYTES);
    const got = readSync(this.#fd, bytes, 0, META_BYTES, at);
    require(got === META_BYTES, () => `it has ${this.fileBytes} bytes and ends within its meta pages`);
    return readMeta(bytes, slot);
  }
}

/**
 * Whether LMDB can open a file and walk about in it without harm; what its values are is not looked at.
 * @throws Error when it cannot be read
 */
export function isSound(path: string): boolean {
  let file: DataFile | undefined;
  try {
    file = DataFile.open(path);
    file.check(() => {});
    return true;
  } catch (error) {
    if (error instanceof DamagedFile) return false;
    throw error;
  } finally {
    file?.close();
  }
}

/** Meta page 0 is written by transactions of even numbers and 1 by the others, one after the other. */
function checkTurns(even: Meta, odd: Meta): void {
  const isNew = even.transaction === 0 && odd.transaction === 0;
  const areInTurn =
    even.transaction % 2 === 0 && odd.transaction % 2 === 1 && Math.abs(even.transaction - odd.transaction) === 1;
  require(isNew || areInTurn, () =>
    `its meta pages are of the transactions ${even.transaction} and ${odd.transaction}`);
}

/** A count and entries: a page, or minus the number of pages and the first of them, or 0 for none. */
function readFreeList(list: Buffer, take: (first: number, count: number) => void): void {
  const count = list.length >= 8 ? Number(list.readBigInt64LE(0)) : -1;
  require(count >= 0 && 8 * (count + 1) <= list.length, () => `a list of free pages has ${count} entries`);
  for (let i = 1; i <= count; i++) {
    const entry = Number(list.readBigInt64LE(8 * i));
    if (entry > 0) take(entry, 1);
    if (entry >= 0 || i === count) continue;
    take(Number(list.readBigInt64LE(8 * ++i)), -entry);
  }
}

function isKey(key: Buffer, tree: Tree): boolean {
  return (tree.flags & INTEGER_KEYS) === 0 ? key.length > 0 : key.length === 4 || key.length === 8;
}

function compareIntegers(a: Buffer, b: Buffer): number {
  if (a.length !== b.length) throw new DamagedFile('a database has keys of different sizes');
  const [x, y] = a.length === 4 ? [a.readUInt32LE(), b.readUInt32LE()] : [a.readBigUInt64LE(), b.readBigUInt64LE()];
  return x < y ? -1 : x > y ? 1 : 0;
}

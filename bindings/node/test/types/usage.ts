// Compiled by the tests with `tsc --strict`: what is written here is what a program in TypeScript relies on.
import { connect, NexusError, type Entry, type ErrorCode, type ImportReport, type Listing, type WorkItem, Store } from 'nexusfs';
import { createFs, type NexusFs } from 'nexusfs/fs';
import { Readable, Writable } from 'node:stream';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<_T extends true>(): void {}

export async function use(): Promise<void> {
  await using store = await connect({ data_dir: './data', durability: 'normal', mounts: [{ name: 'm', path: '/m', backend: 'local', root: '/x' }] });
  is<Equal<typeof store, Store>>();

  const entry = await store.write('/f', new Uint8Array(1), { ifNoneMatch: true, signal: AbortSignal.timeout(5) });
  is<Equal<typeof entry, Entry>>();
  is<Equal<ReturnType<typeof store.statSync>, Entry>>();
  is<Equal<Awaited<ReturnType<typeof store.read>>, Buffer>>();
  is<Equal<Awaited<ReturnType<typeof store.exists>>, boolean>>();
  is<Equal<ReturnType<typeof store.list>, Listing>>();
  for await (const { path, createdAt } of store.glob('**/*.ts')) {
    is<Equal<typeof path, string>>();
    is<Equal<typeof createdAt, Date | null>>();
  }
  const page = await store.list({ limit: 5 });
  is<Equal<typeof page.cursor, string | null>>();
  const items: WorkItem[] = await store.workClaim('me', { max: 2 });
  const results: (Entry | null)[] = await store.batch().write('/a', 'b').setMeta('/a', 'k', [1, null]).commit();
  void [items, results];
  is<Equal<ImportReport['collisions'][number]['existing_etag'], string | null>>();

  await using reader = await store.openReader('/f');
  for await (const chunk of reader) is<Equal<typeof chunk, Buffer>>();
  const node: [Readable, Writable] = [store.createReadStream('/f'), store.createWriteStream('/g')];
  const web: [ReadableStream<Uint8Array>, WritableStream] = [store.readableStream('/f'), store.writableStream('/g')];
  void [node, web];

  await store.setMeta('/f', 'id', 2n ** 60n);
  const priority: number | bigint | null | undefined = items[0]?.priority;
  const exact: string = await store.getMetaJson('/f', 'id');
  await store.getMeta('/f', 'id', { bigint: true });
  void [priority, exact];

  const fs: NexusFs = createFs(store, { root: '/workspace', umask: 0o077 });
  const now: string = fs.readFileSync('/f', 'utf8');
  fs.readdir('/', (error, found: string[]) => void [error, found]);
  const isFile: boolean = fs.statSync('/f').isFile();
  void [now, isFile];
  const text: string = await fs.promises.readFile('/f', 'utf8');
  const bytes: Buffer = await fs.promises.readFile('/f');
  const names: string[] = await fs.promises.readdir('/');
  const [first] = await fs.promises.readdir('/', { withFileTypes: true });
  const size: bigint = (await fs.promises.stat('/f', { bigint: true })).size;
  const buffers: Buffer[] = await fs.promises.readdir('/', { encoding: 'buffer' });
  const [second] = await fs.promises.readdir('/', { encoding: 'buffer', withFileTypes: true });
  await using handle = await fs.promises.open('/f');
  const { bytesRead }: { bytesRead: number } = await handle.read(Buffer.alloc(1));
  for await (const { name } of await fs.promises.opendir('/')) is<Equal<typeof name, string>>();
  const written: number = fs.createWriteStream('/g').bytesWritten;
  void [text, bytes, names, first?.isDirectory(), size, buffers, second?.name.byteLength, bytesRead, written];
  const json: string = await store.workJson('in_progress', 5);
  void json;

  try {
    await store.delete('/none');
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    const code: ErrorCode = error.code;
    if (code === 'NOT_FOUND') return;
    // @ts-expect-error: no such code
    if (code === 'ENOENT') return;
  }
}

export function refuse(store: Store): void {
  // @ts-expect-error: a key that does not exist
  void connect({ tenant: 'acme' });
  // @ts-expect-error: no such level of durability
  void connect({ durability: 'most' });
  // @ts-expect-error: data is missing
  void store.write('/f');
  // @ts-expect-error: a function is no JSON
  void store.setMeta('/f', 'k', () => 1);
  // @ts-expect-error: an option that does not exist
  void store.read('/f', { encoding: 'utf8' });
  // @ts-expect-error: a misspelt option
  void store.workClaim('me', { lease_ms: 5 });
  // @ts-expect-error: the signal is that of the commit
  store.batch().write('/f', 'x', { signal: AbortSignal.timeout(5) });
  // @ts-expect-error: read-only
  store.isOpen = false;
}

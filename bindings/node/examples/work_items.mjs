// Files as work items: a small pipeline whose dependencies resolve step by step.
//
//     node work_items.mjs [DATA_DIR]
//
// A file with the metadata key `status` is a work item. `depends_on` names the items that must be completed first; an
// item that is `blocked` becomes `ready` by itself when the last of them is, in the same transaction.
import { join } from 'node:path';
import { connect, liveObjects } from 'nexusfs';
import { refused, scratchDirectory } from './scratch.mjs';

const store = await connect({ data_dir: process.argv[2] ?? join(scratchDirectory(), 'store'), tenant_id: 'acme' });
const job = (name) => `/shared/acme/jobs/${name}`;

/** Makes the job and sets its work metadata, both or neither. */
async function addJob(name, content, metadata) {
  await store.batch().write(job(name), content).setMetaMany(job(name), metadata).commit();
}

async function printViews(title) {
  console.log(`\n${title}`);
  const views = {
    ready: await store.getReadyWork(10),
    blocked: await store.getBlockedWork(10),
    pending: await store.getPendingWork(10),
    'in progress': await store.getInProgressWork(10),
  };
  for (const [view, items] of Object.entries(views)) {
    const described = items.map(({ virtualPath, blockerCount, workerId }) => {
      const waits = blockerCount > 0 ? ` (waits for ${blockerCount})` : '';
      return `${virtualPath}${waits}${workerId === null ? '' : ` (by ${workerId})`}`;
    });
    console.log(`  ${view.padEnd(12)}${described.join(', ') || '-'}`);
  }
}

async function explain(name) {
  console.log(`  ${job(name)}: ${JSON.stringify(await store.workExplain(job(name)))}`);
}

const complete = (name) => store.setMeta(job(name), 'status', 'completed');

// fetch -> clean -> train -> report, where train also needs the labels. Lower priorities come first.
await addJob('fetch', 'get the data', { status: 'ready', priority: 1 });
await addJob('label', 'ask the experts', { status: 'ready', priority: 5 });
await addJob('clean', 'drop the noise', { status: 'blocked', depends_on: job('fetch') });
await addJob('train', 'fit the model', { status: 'blocked', depends_on: [job('clean'), job('label')] });
await addJob('report', 'write it up', { status: 'blocked', depends_on: job('train') });
// Blocked without a dependency: held until someone sets it free. Pending: not yet released. Delayed: not due.
await addJob('publish', 'tell the world', { status: 'blocked' });
await addJob('retro', 'look back', { status: 'pending' });
await addJob('renew', 'renew the licence', { status: 'ready', not_before: '2999-01-01T00:00:00Z' });
await printViews('At first');
await explain('train');

// A dependency that would close a circle is refused, and nothing of the change is stored.
await refused('CYCLE', store.setMeta(job('fetch'), 'depends_on', job('report')));
await refused('INVALID_ARGUMENT', store.setMeta(job('fetch'), 'priority', 'high'));

await store.setMetaMany(job('fetch'), { status: 'in_progress', worker_id: 'worker-1' });
await printViews('worker-1 fetches');

await complete('fetch');
await printViews('fetch is completed: clean is ready by itself');

await complete('clean');
await printViews('clean is completed: train still waits for label');
await explain('train');

// A failed dependency is not a satisfied one.
await store.setMeta(job('label'), 'status', 'failed');
await printViews('label has failed: train does not start');
await explain('train');

await complete('label');
await complete('train');
await complete('report');
await printViews('label was mended, train and report are completed');

await store.setMeta(job('publish'), 'status', 'ready');
await store.setMeta(job('retro'), 'status', 'ready');
await printViews('publish and retro are set free by hand');

console.log(`\nStatistics: ${JSON.stringify(await store.workStats('/shared/acme/jobs'))}`);
await store.close();
if (liveObjects() !== 0) throw new Error(`${liveObjects()} objects are still open`);

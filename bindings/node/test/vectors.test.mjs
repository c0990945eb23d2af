// tests/vectors/: what every host must answer, here through the promises and once more through the ...Sync variants.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { connect, connectSync, NexusError, PROJECT, scratch } from './support.mjs';

const read = (name) => JSON.parse(readFileSync(join(PROJECT, 'tests/vectors', `${name}.json`), 'utf8'));
const WAYS = ['promises', 'Sync'];

/** Calls of the binding by their name: `name`, or `nameSync`. */
function caller(way, store) {
  return async (name, ...args) => {
    const method = way === 'Sync' ? `${name}Sync` : name;
    assert.equal(typeof store[method], 'function', `there is no ${method}`);
    return store[method](...args);
  };
}

const conditions = ({ if_match, if_none_match, mime_type, lease_path, lease, no_replace }) =>
  defined({ ifMatch: if_match, ifNoneMatch: if_none_match, mimeType: mime_type, leasePath: lease_path, lease, noReplace: no_replace });

function defined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** What is no JSON value cannot be given to this binding at all. */
class NoValue extends Error {}

function value(step, key) {
  if (!(`${key}_text` in step)) return step[key];
  try {
    return JSON.parse(step[`${key}_text`]);
  } catch {
    throw new NoValue();
  }
}

async function collect(batch, operation) {
  const o = operation;
  switch (o.op) {
    case 'write': return batch.write(o.path, o.data, conditions(o));
    case 'append': return batch.append(o.path, o.data, conditions(o));
    case 'delete': return batch.delete(o.path);
    case 'rename': return batch.rename(o.from, o.to, conditions(o));
    case 'copy': return batch.copy(o.from, o.to, conditions(o));
    case 'mkdir': return batch.mkdir(o.path, defined({ parents: o.parents, existOk: o.exist_ok }));
    case 'set_meta': return batch.setMeta(o.path, o.key, value(o, 'value'));
    case 'set_meta_many': return batch.setMetaMany(o.path, value(o, 'values'));
    case 'delete_meta': return batch.deleteMeta(o.path, o.key);
    case 'require_etag': return batch.requireEtag(o.path, o.etag ?? null);
    case 'require_lease': return batch.requireLease(o.path, o.lease);
    case 'complete_work': return batch.completeWork(o.path, o.lease, value(o, 'result'));
    case 'fail_work': return batch.failWork(o.path, o.lease, o.error, defined({ retryAfterMs: o.retry_after_ms }));
    case 'release_work': return batch.releaseWork(o.path, o.lease);
    default: throw new Error(`unknown operation: ${o.op}`);
  }
}

const QUERIES = {
  ready_work: 'getReadyWork',
  pending_work: 'getPendingWork',
  blocked_work: 'getBlockedWork',
  in_progress_work: 'getInProgressWork',
  work_by_priority: 'getWorkByPriority',
};

async function carryOut(scenario, step) {
  const { way, handles, directory } = scenario;
  const store = handles.get(step.as ?? scenario.first);
  const call = caller(way, store);
  const s = step;
  if (s.call in QUERIES) return call(QUERIES[s.call], s.limit ?? 100);
  switch (s.call) {
    case 'connect': {
      const config = 'config_text' in s ? value(s, 'config') : completed(s.config, directory);
      const opened = await (way === 'Sync' ? connectSync(config) : connect(config));
      keep(scenario, s.handle ?? Symbol('unnamed'), opened);
      return undefined;
    }
    case 'with_identity':
      keep(scenario, s.handle, await call('withIdentity', defined({ tenantId: s.tenant, agentId: s.agent })));
      return undefined;
    case 'close': return store.close();
    case 'write': return call('write', s.path, s.data, conditions(s));
    case 'append': return call('append', s.path, s.data, conditions(s));
    case 'read': return (await call('read', s.path)).toString();
    case 'read_at': {
      const room = Buffer.alloc(s.length);
      return room.subarray(0, await call('readAt', s.path, s.offset, room)).toString();
    }
    case 'stat': return call('stat', s.path);
    case 'exists': return call('exists', s.path);
    case 'is_directory': return call('isDirectory', s.path);
    case 'delete': return call('delete', s.path, conditions(s));
    case 'rename': return call('rename', s.from, s.to, conditions(s));
    case 'copy': return call('copy', s.from, s.to, conditions(s));
    case 'mkdir': return call('mkdir', s.path, defined({ parents: s.parents, existOk: s.exist_ok }));
    case 'rmdir': return call('rmdir', s.path, defined({ recursive: s.recursive }));
    case 'list': {
      const { path, prefix, recursive, include_directories, limit, cursor } = s;
      return call('list', defined({ path, prefix, recursive, includeDirectories: include_directories, limit, cursor }));
    }
    case 'glob': return call('glob', s.pattern, defined({ base: s.base, limit: s.limit }));
    case 'grep':
      return call('grep', s.pattern, defined({ base: s.base, filePattern: s.file_pattern, ignoreCase: s.ignore_case, literal: s.literal, maxMatches: s.max_matches }));
    case 'content_ids': return call('contentIds', s.paths);
    case 'set_meta': return call('setMeta', s.path, s.key, value(s, 'value'), conditions(s));
    case 'set_meta_many': return call('setMetaMany', s.path, value(s, 'values'));
    case 'get_meta': return call('getMeta', s.path, s.key);
    case 'delete_meta': return call('deleteMeta', s.path, s.key);
    case 'list_meta': return call('listMeta', s.path);
    case 'find_by_meta': return call('findByMeta', s.key, value(s, 'value'), defined({ base: s.base, limit: s.limit }));
    case 'path_id': return call('pathId', s.path);
    case 'path_of_id': return call('pathOfId', s.id);
    case 'batch': {
      const batch = store.batch();
      for (const [index, operation] of s.operations.entries()) {
        await collect(batch, operation).catch((error) => {
          // What the binding refuses at once is the operation that it was asked to add.
          if (error instanceof NexusError) Object.defineProperty(error, 'index', { value: index });
          throw error;
        });
      }
      return batch.commit();
    }
    case 'work_explain': return call('workExplain', s.path);
    case 'work_stats': return call('workStats', s.prefix);
    case 'gc': return call('gc');
    case 'storage_stats': return call('storageStats');
    case 'content_info': return call('contentInfo', s.etag);
    case 'work_claim':
      return call('workClaim', s.worker, defined({ prefix: s.prefix, max: s.max, leaseMs: s.lease_ms }));
    case 'work_heartbeat': return call('workHeartbeat', s.path, s.lease, s.lease_ms);
    case 'work_complete': return call('workComplete', s.path, s.lease, value(s, 'result'));
    case 'work_fail': return call('workFail', s.path, s.lease, s.error, defined({ retryAfterMs: s.retry_after_ms }));
    case 'work_release': return call('workRelease', s.path, s.lease);
    case 'work_wait': return call('workWait', defined({ prefix: s.prefix, timeoutMs: s.timeout_ms }));
    default: throw new Error(`unknown call: ${s.call}`);
  }
}

function completed(config, directory) {
  return { data_dir: directory, durability: 'normal', housekeeping: false, ...config };
}

function keep(scenario, name, store) {
  scenario.opened.push(store);
  scenario.handles.set(name, store);
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** An object matches if each of its keys does; a string in place of a row matches its path. */
function matches(actual, expected) {
  if (Array.isArray(expected)) {
    return Array.isArray(actual) && actual.length === expected.length && expected.every((one, i) => matches(actual[i], one));
  }
  if (typeof expected === 'string' && typeof actual === 'object' && actual !== null) {
    return expected === (actual.path ?? actual.virtualPath);
  }
  if (typeof expected !== 'object' || expected === null) return (actual ?? null) === expected;
  if (typeof actual !== 'object' || actual === null) return false;
  const named = new Map(Object.entries(actual).map(([key, member]) => [snake(key), member]));
  const exact = new Map(Object.entries(actual));
  // This binding says 0 where an item has no lease.
  if (expected.lease === null && actual.lease === 0) exact.set('lease', null);
  return Object.entries(expected).every(([key, member]) => matches(exact.has(key) ? exact.get(key) : named.get(key), member));
}

/** Puts what was saved in place of `$NAME`. */
function filled(node, saved) {
  if (typeof node === 'string' && saved.has(node)) return saved.get(node);
  if (Array.isArray(node)) return node.map((one) => filled(one, saved));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, member]) => [key, filled(member, saved)]));
}

function savedOf(step, result) {
  if (step.call === 'path_id') return result;
  if (step.call === 'work_claim') return result[0].lease;
  return result.etag;
}

async function runStep(scenario, step) {
  let result;
  let code = 'OK';
  let failure;
  try {
    result = await carryOut(scenario, step);
  } catch (error) {
    if (error instanceof NoValue || error.code === 'ERR_INVALID_ARG_TYPE') return 'left out';
    if (!(error instanceof NexusError)) throw error;
    code = error.code;
    failure = error;
  }
  assert.equal(code, step.status ?? 'OK', failure?.message);
  if (step.message !== undefined) assert.ok(failure.message.includes(step.message), `'${failure.message}' lacks '${step.message}'`);
  if (step.index !== undefined) assert.equal(failure.index, step.index, failure.message);
  if ('returns' in step) {
    assert.ok(matches(result, step.returns), `got ${JSON.stringify(result)}\nnot ${JSON.stringify(step.returns)}`);
  }
  if (step.save !== undefined) scenario.saved.set(`$${step.save}`, savedOf(step, result));
  return 'run';
}

for (const way of WAYS) {
  for (const file of ['access', 'globs', 'work', 'errors']) {
    for (const { name, handles, files = [], steps } of read(file).scenarios) {
      test(`${file}, ${way}: ${name}`, async (t) => {
        const directory = join(scratch(t), 'store');
        const declared = handles ?? [{ name: 'main', config: {} }];
        const scenario = { way, directory, handles: new Map(), opened: [], saved: new Map(), first: declared[0]?.name };
        t.after(() => Promise.all(scenario.opened.map((store) => store.close())));
        for (const { name: handle, config } of declared) keep(scenario, handle, await connect(completed(config, directory)));
        const first = scenario.handles.get(scenario.first);
        for (const path of files) await first.write(path, path);
        for (const [number, raw] of steps.entries()) {
          const step = filled(raw, scenario.saved);
          try {
            const outcome = await runStep(scenario, step);
            const mayBeLeftOut = step.untyped || `${JSON.stringify(step)}`.includes('_text"');
            assert.ok(outcome === 'run' || mayBeLeftOut, 'the binding refused the type of an argument');
          } catch (error) {
            error.message = `step ${number}, ${JSON.stringify(raw)}: ${error.message}`;
            throw error;
          }
        }
      });
    }
  }
}

const repeated = (input) => (Array.isArray(input) ? input.map(([text, times]) => text.repeat(times)).join('') : input);

for (const way of WAYS) {
  test(`paths, ${way}`, async (t) => {
    const store = await connect({ data_dir: join(scratch(t), 'store'), durability: 'normal' });
    t.after(() => store.close());
    const call = caller(way, store);
    for (const { name, input, normalised, reason } of read('paths').cases) {
      if (input === undefined) continue; // bytes that no string of JavaScript holds
      await t.test(name, async () => {
        const path = repeated(input);
        if (normalised === undefined) {
          for (const args of [['write', path, 'x'], ['stat', path], ['exists', path]]) {
            await assert.rejects(call(...args), (error) => {
              assert.equal(error.code, 'INVALID_PATH', error.message);
              assert.ok(error.message.includes(reason), `'${error.message}' lacks '${reason}'`);
              return true;
            });
          }
          return;
        }
        const wanted = repeated(normalised);
        if (wanted !== '/') await call('write', path, 'x');
        assert.equal((await call('stat', path)).path, wanted);
        assert.equal((await call('stat', wanted)).path, wanted);
        if (wanted !== '/') await call('delete', wanted);
      });
    }
  });
}

// Ends in one of several ways while a call is in flight: exit.mjs DIRECTORY WAY
import { connect, setLog } from 'nexusfs';

const [, , data_dir, way] = process.argv;
const store = await connect({ data_dir, durability: 'normal' });
for (let i = 0; i < 10; i++) {
  const batch = store.batch();
  for (let j = 0; j < 100; j++) batch.write(`/${i}/${j}`, Buffer.alloc(20_000, i * 100 + j));
  await batch.commit();
}
process.on('exit', (code) => console.log(`a listener heard ${code}`));
const busyUntil = (end) => {
  while (performance.now() < end);
};
const fail = () => {
  throw new Error('nobody catches this');
};
const long = (onProgress) => void store.verify({ content: true, onProgress }).catch(() => {});

if (way === 'inside') long(() => process.exit(7));
if (way === 'later') long(() => setTimeout(() => process.exit(7)));
if (way === 'uncaught') long(() => setTimeout(fail));
if (way === 'rejected') long(() => void Promise.reject(new Error('nobody catches this')));
if (way === 'caught') {
  process.on('uncaughtException', () => process.exit(7));
  long(() => setTimeout(fail));
}
if (way === 'logging') {
  await setLog(() => {}, 'debug');
  for (let i = 0; i < 20; i++) store.read('/none').catch(() => {});
  busyUntil(performance.now() + 200);
  process.exit(7);
}
if (way === 'waiting') {
  void store.workWait({ prefix: '/none' });
  setTimeout(() => process.exit(7), 10);
}

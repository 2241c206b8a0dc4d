// Takes a lock again and again; says "overlap" when somebody else was inside at the same time.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { acquireLock, ownerOf } from '../../dist/files/index.js';

const [directory, rounds] = process.argv.slice(2);
const marker = `${directory}/inside`;
const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] !== 'Z';
  } catch {
    return false;
  }
};
for (let round = 0; round < Number(rounds); round++) {
  const lock = await acquireLock(`${directory}/lock`, 'exclusive', ownerOf(process.pid));
  try {
    writeFileSync(marker, String(process.pid), { flag: 'wx' });
  } catch {
    const other = Number(readFileSync(marker, 'utf8'));
    if (other === 0 || alive(other)) console.log(`overlap with ${other}`);
    writeFileSync(marker, String(process.pid));
  }
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
  if (readFileSync(marker, 'utf8') !== String(process.pid)) console.log('overlap: marker changed');
  rmSync(marker);
  console.log('entered');
  lock.release();
}

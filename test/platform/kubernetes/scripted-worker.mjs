// A worker that moves no bytes: it keeps the worker's contract (arguments, progress lines, result file, exit codes) and behaves as the repository's name says.
import { writeFileSync } from 'node:fs'

const args = process.argv.slice(2)
const at = flag => args[args.indexOf(flag) + 1]
const task = JSON.parse(at('--task'))
const behaviour = (task.source.huggingFace?.repo ?? '').split('/').at(-1)
const total = 40

const end = (result, code) => {
  writeFileSync(at('--result-file'), JSON.stringify(result))
  process.exit(code)
}
const copy = {
  receipt: 'r1',
  bytes: total,
  bytesFetched: total,
  bytesReused: 0,
  path: String(process.getuid()),
}

const endings = {
  works: () => end({ copy }, 0),
  writes: () => {
    writeFileSync(`${task.layout.root}/from-worker`, `${process.getuid()}:${process.getgid()}`)
    end({ copy }, 0)
  },
  fails: () => end({ failure: { reason: 'NotFound', message: 'no such repository', retry: 'Never' } }, 10),
  eats: () => {
    for (const kept = []; ; ) kept.push(Buffer.alloc(16 * 1024 * 1024, 1))
  },
  silent: () => process.exit(1),
}

process.on('SIGTERM', () => process.exit(143))
console.log('a log line that is no progress')
let done = 0
setInterval(() => {
  done = Math.min(total, done + 10)
  const bytesDone = behaviour === 'endless' ? Math.min(done, total - 10) : done
  console.log(JSON.stringify({ progress: { phase: 'Downloading', bytesDone, bytesTotal: total } }))
  if (done === total) endings[behaviour]?.()
}, 500)

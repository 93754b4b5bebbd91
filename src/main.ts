// The switchboard: the first argument says what this process is. Each entry is loaded only by whom it is: a worker, a client and an
// operator are to be small.

import { statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const version = '0.1.0'

/** What a person types is compiled once, into his own cache; whoever runs as somebody else leaves nothing in his home. */
const keepCompiled = (): void => {
  const home = homedir()
  const isMine = statSync(home, { throwIfNoEntry: false })?.uid === process.getuid?.()
  if (isMine) enableCompileCache(join(home, '.cache', 'switchyard', 'compiled'))
}

const run = async ([command = '', ...rest]: readonly string[]): Promise<number> => {
  if (command === 'operator') return (await import('./program/operator.ts')).operator()
  if (command === 'host') return (await import('./program/host.ts')).host()
  if (command === 'install') return (await import('./program/install.ts')).installMain(rest)
  if (command === 'uninstall') return (await import('./program/install.ts')).uninstallMain(rest)
  if (command === 'run-unit') return (await import('./program/run-unit.ts')).runUnit(rest)
  if (command === 'worker') return (await import('./program/worker.ts')).worker(rest)
  if (command === 'doctor') return (await import('./program/doctor.ts')).doctorMain(rest)
  if (command === 'embedded') return (await import('./program/embedded.ts')).embedded(rest)
  if (command === 'crds') return (await import('./program/crds.ts')).printCrds()
  if (command === 'version' || command === '--version') return console.log(version) ?? 0
  keepCompiled()
  return (await import('./program/client.ts')).client(command === '' ? ['--help'] : [command, ...rest])
}

process.exit(
  await run(process.argv.slice(2)).catch((error: Error) => {
    console.error(`switchyard: ${error.message}`)
    return 1
  }),
)

// The switchboard: the first argument says what this process is. Each entry is loaded only by whom it is: a worker, a client and an
// operator are to be small.
const usage = `switchyard <command>

  host                 run the controller on this machine, without a cluster (docs/host.md)
  operator             run the controller on Kubernetes (settings come from SWITCHYARD_* variables)
  worker run …         one short-lived work on bytes; started by the controller
  worker discover …    what lies on the volume at --root DIR, as JSON
  doctor               what is wrong with this host, and what to do (-o json)
  crds                 print the custom resource definitions
  version              print the version`

const version = '0.1.0'

const run = async ([command = '', ...rest]: readonly string[]): Promise<number> => {
  if (command === 'operator') return (await import('./program/operator.ts')).operator()
  if (command === 'host') return (await import('./program/host.ts')).host()
  if (command === 'worker') return (await import('./program/worker.ts')).worker(rest)
  if (command === 'doctor') return (await import('./program/doctor.ts')).doctorMain(rest)
  if (command === 'crds') return (await import('./program/crds.ts')).printCrds()
  if (command === 'version' || command === '--version') return console.log(version) ?? 0
  console.error(usage)
  return command === 'help' || command === '--help' ? 0 : 2
}

process.exit(
  await run(process.argv.slice(2)).catch((error: Error) => {
    console.error(`switchyard: ${error.message}`)
    return 1
  }),
)

// What both dialects of the engine stand-in share: how it was started, its faults, stamps and counters.
import { type EngineFault, type FaultBoard, openFaultBoard, parseFaults } from './faults.ts'
import { openStamps, type Stamps } from './stamps.ts'

export interface EngineWorld {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly faults: FaultBoard
  readonly stamps: Stamps
  readonly print: (line: string) => void
  readonly loadMilliseconds: number
  readonly stopMilliseconds: number
  readonly tokenMilliseconds: number
  readonly counters: Counters
  /** Where a path of the command line lies on this disk: ENGINE_MOUNT=/models=/somewhere stands for a volume. */
  readonly onDisk: (path: string) => string
  /** What would answer a client now: roots (vLLM) or digests (Ollama). Set by the dialect once it can serve. */
  readonly truth: { answers: () => readonly string[] }
}

interface Counters {
  running: number
  promptTokens: number
  generationTokens: number
  succeeded: number
  requests: number
}

export function openWorld(environment: Readonly<Record<string, string | undefined>>): EngineWorld {
  const number = (name: string, otherwise: number) => Number(environment[name] ?? otherwise)
  const faults: EngineFault[] = parseFaults(environment['ENGINE_FAULTS'])
  const [mountFrom, mountTo = ''] = (environment['ENGINE_MOUNT'] ?? '').split('=')
  const print = (line: string) => void process.stdout.write(`${line}\n`)
  return {
    environment,
    faults: openFaultBoard(faults),
    stamps: openStamps(print),
    print,
    loadMilliseconds: number('ENGINE_LOAD_MS', 20),
    stopMilliseconds: number('ENGINE_STOP_MS', 0),
    tokenMilliseconds: number('ENGINE_TOKEN_MS', 0),
    onDisk: path =>
      mountFrom && path.startsWith(`${mountFrom}/`) ? mountTo + path.slice(mountFrom.length) : path,
    truth: { answers: () => [] },
    counters: { running: 0, promptTokens: 0, generationTokens: 0, succeeded: 0, requests: 0 },
  }
}

export const never = () => new Promise<never>(() => {})

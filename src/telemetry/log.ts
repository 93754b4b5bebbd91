// The log: one JSON line per entry on standard output; secrets never reach it.
import { type DestinationStream, type Logger, pino } from 'pino'
import { toShortLine } from './short-line.ts'

export type Log = Logger

const secretPaths = [
  'token',
  'authorization',
  'password',
  '*.token',
  '*.authorization',
  '*.password',
  'headers.authorization',
  '*.headers.authorization',
]

/** Also inside a sentence or a stack, where no field name tells. */
const hideBearers = (line: string): string => line.replace(/\b(Bearer|Basic) [\w.~+/=-]{6,}/g, '$1 [removed]')

/** What a refusal of the API server says fits one line; a stack is for defects. */
const serializeError = (error: unknown) => {
  const plain = pino.stdSerializers.err(error as Error) as unknown as Record<string, unknown>
  return 'status' in plain || 'reason' in plain
    ? { message: plain['message'], reason: plain['reason'], said: plain['statusMessage'] }
    : plain
}

/** JSON lines; on a terminal one short line each. */
export const createLog = (level: string, destination?: DestinationStream): Log => {
  const options = {
    level,
    base: null,
    serializers: { err: serializeError },
    redact: { paths: secretPaths, censor: '[removed]' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const shape = !destination && process.stdout.isTTY ? toShortLine : (line: string) => line
  const to = destination ?? { write: (line: string) => void process.stdout.write(line) }
  return pino(options, { write: line => to.write(shape(hideBearers(line))) })
}

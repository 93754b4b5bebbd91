// The log: one JSON line per entry on standard output; secrets never reach it.
import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

const secretPaths = ['token', 'authorization', 'password', '*.token', '*.authorization', '*.password']

/** What a refusal of the API server says fits one line; a stack is for defects. */
const serializeError = (error: unknown) => {
  const plain = pino.stdSerializers.err(error as Error) as unknown as Record<string, unknown>
  return 'status' in plain || 'reason' in plain
    ? { message: plain['message'], reason: plain['reason'], said: plain['statusMessage'] }
    : plain
}

export const createLog = (level: string, destination?: DestinationStream): Log => {
  const options = {
    level,
    base: null,
    serializers: { err: serializeError },
    redact: { paths: secretPaths, censor: '[removed]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  return destination ? pino(options, destination) : pino(options)
}

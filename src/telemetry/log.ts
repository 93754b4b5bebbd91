// The log: one JSON line per entry on standard output; secrets never reach it.
import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

const secretPaths = ['token', 'authorization', 'password', '*.token', '*.authorization', '*.password']

export const createLog = (level: string, destination?: DestinationStream): Log => {
  const options = {
    level,
    base: null,
    redact: { paths: secretPaths, censor: '[removed]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  return destination ? pino(options, destination) : pino(options)
}

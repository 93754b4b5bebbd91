// Moments of an engine's life as JSON lines on standard output, kept for the control port.

export type StampEvent = 'started' | 'loading' | 'ready' | 'firstRequest' | 'unloaded' | 'stopping' | 'failed'

export interface Stamp {
  readonly stamp: StampEvent
  /** Milliseconds since 1970. */
  readonly wall: number
  /** Milliseconds on the machine's clock that never jumps; comparable between processes of one machine. */
  readonly monotonic: number
  readonly pid: number
  readonly model?: string
}

export interface Stamps {
  readonly write: (event: StampEvent, model?: string) => void
  readonly all: () => readonly Stamp[]
}

export function openStamps(print: (line: string) => void): Stamps {
  const stamps: Stamp[] = []
  return {
    write(event, model) {
      const stamp: Stamp = {
        stamp: event,
        wall: Date.now(),
        monotonic: Number(process.hrtime.bigint() / 1000n) / 1000,
        pid: process.pid,
        ...(model === undefined ? {} : { model }),
      }
      stamps.push(stamp)
      print(JSON.stringify(stamp))
    },
    all: () => stamps,
  }
}

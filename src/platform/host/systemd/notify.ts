// Tells systemd that we are ready and alive. Node has no datagram socket of the file system, so systemd-notify does it.
import { execFile } from 'node:child_process'

export interface NotifyParts {
  /** what systemd handed us; absent: nobody wants to be told */
  readonly socket: string | undefined
  /** how long systemd waits for a sign of life */
  readonly watchdogMs: number | undefined
  readonly onFailure: (error: unknown) => void
}

/** A timer of the loop that does everything else: one that hangs gives no sign. */
export const startNotify = ({ socket, watchdogMs, onFailure }: NotifyParts) => {
  const tell = (...words: readonly string[]): void => {
    if (socket === undefined) return
    const env = { NOTIFY_SOCKET: socket, PATH: '/usr/bin:/bin' }
    execFile('systemd-notify', words, { env, timeout: 10_000 }, error => error && onFailure(error))
  }
  tell('--ready', '--status=runs')
  const timer = watchdogMs === undefined ? undefined : setInterval(() => tell('WATCHDOG=1'), watchdogMs / 3)
  timer?.unref()
  return {
    stopping: (): void => tell('STOPPING=1'),
    stop: (): void => clearInterval(timer),
  }
}

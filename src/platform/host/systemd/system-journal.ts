// The newest lines that systemd's journal has of chosen units.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const mostBytes = 64 * 1024 * 1024

/** `chosen`: the words of journalctl that say of which units, runs and times. */
export const journalLines = async (chosen: readonly string[], lines: number): Promise<readonly string[]> => {
  const words = [...chosen, '--lines', String(lines), '--output', 'cat', '--quiet', '--no-pager']
  const { stdout } = await execute('journalctl', words, { maxBuffer: mostBytes })
  return stdout.split('\n').slice(0, -1)
}

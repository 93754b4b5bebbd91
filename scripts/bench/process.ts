// What the kernel says of a process: how long it computed, what it holds, what it has open.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** User and system time; the kernel counts hundredths. The name in brackets may hold blanks. */
export function cpuSeconds(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export const residentMegabytes = (pid: number): number => megabytes(pid, 'VmRSS')

/** The most that was held since the process began or the mark was set. */
export const peakMegabytes = (pid: number): number => megabytes(pid, 'VmHWM')

export const markPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')

export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

const megabytes = (pid: number, name: string): number =>
  Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 102.4) /
  10

/** Empty when there is no such file, or the process is gone. */
export function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

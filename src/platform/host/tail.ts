// The end of a file that others write.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Empty for a file that is not there. */
export const readTail = (file: string, bytes: number): string => {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(fd)
    const buffer = Buffer.alloc(Math.min(bytes, size))
    const length = readSync(fd, buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString('utf8', 0, length)
  } finally {
    closeSync(fd)
  }
}

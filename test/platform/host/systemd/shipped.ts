// What config/systemd holds is what is printed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'

const shipped = join(import.meta.dirname, '../../../../config/systemd')

export const expectShipped = (name: string, text: string): void => {
  const file = join(shipped, name)
  if (process.env['UPDATE_GOLDEN']) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  expect(text, `${name}: meant so? UPDATE_GOLDEN=1 writes it anew`).toBe(readFileSync(file, 'utf8'))
}

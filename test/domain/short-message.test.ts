// Messages that end: 256 bytes whatever a person put into a name, never a broken character.
import { describe, expect, it } from 'vitest'
import { shortMessage } from '../../src/domain/conditions.ts'

describe('A message', () => {
  it.each([
    ['short', 'short'],
    [`  two\n\n  lines `, 'two lines'],
    ['x'.repeat(256), 'x'.repeat(256)],
    ['x'.repeat(257), `${'x'.repeat(253)}…`],
    ['x'.repeat(5_000_000), `${'x'.repeat(253)}…`],
    ['ü'.repeat(200), `${'ü'.repeat(126)}…`],
  ])('%.20s… is cut at 256 bytes', (given, wanted) => expect(shortMessage(given)).toBe(wanted))

  it('is never cut inside a character', () => {
    for (let n = 240; n < 260; n++) {
      const cut = shortMessage(`${'x'.repeat(n)}${'💥'.repeat(100)}`)
      expect(cut.isWellFormed()).toBe(true)
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(256)
    }
  })
})

// Engines of a host as units, as the account of the daemon: no root, and polkit in between. Runs where systemd is the first process.
import { mkdtempSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createUnitKeeper } from '../../../../src/platform/host/systemd/unit-keeper.ts'
import { hostServings } from '../host-servings-contract.ts'

const aFolder = () => {
  const folder = mkdtempSync('/var/cache/switchyard/test-')
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

describe('engines on a host with systemd', () => {
  it('are kept by an account that is not root', () => expect(process.getuid?.()).not.toBe(0))

  hostServings({
    aFolder,
    keeper: places => createUnitKeeper({ scope: 'system', folder: '/var/lib/switchyard/units', places }),
  })
})

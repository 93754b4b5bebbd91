// The units of one user as text: config/systemd/user holds what is printed for everybody.
import { describe, expect, it } from 'vitest'
import { hardenings } from '../../../../src/domain/runtime-host.ts'
import {
  daemonUnit,
  renderSlice,
  slice,
  templateFile,
} from '../../../../src/platform/host/systemd/unit-render.ts'
import {
  renderUserDaemon,
  renderUserTemplate,
  type UserUnitPlaces,
} from '../../../../src/platform/host/systemd/user-unit-render.ts'
import { expectShipped } from './shipped.ts'

const places: UserUnitPlaces = {
  node: '/usr/bin/node',
  path: '/usr/local/bin:/usr/bin:/bin',
  hasNamespaces: true,
}

describe('The units of a user', () => {
  it.each(hardenings)('the template of engines is shipped as it is printed: %s', hardening => {
    expectShipped(`user/${templateFile(hardening)}`, renderUserTemplate(hardening, places))
  })

  it('the unit of the daemon and the slice are shipped as they are printed', () => {
    expectShipped(`user/${daemonUnit}`, renderUserDaemon(places))
    expectShipped(`user/${slice}`, renderSlice())
  })

  it('says nothing that the systemd of a user passes over or cannot start with, where there are no namespaces', () => {
    const needNamespaces =
      /^(PrivateUsers|Protect|PrivateTmp|PrivateMounts|CapabilityBoundingSet|ReadWrite|Inaccessible)/m
    for (const one of hardenings)
      expect(renderUserTemplate(one, { ...places, hasNamespaces: false })).not.toMatch(needNamespaces)
    expect(renderUserDaemon(places)).not.toMatch(needNamespaces)
  })

  it.each(hardenings)('says nothing that needs root: %s', hardening => {
    const text = renderUserTemplate(hardening, places) + renderUserDaemon(places)
    expect(text).not.toMatch(
      /^(User|Group|SupplementaryGroups|DeviceAllow|DevicePolicy|PrivateDevices|IPAddress)/m,
    )
  })

  it('finds programs where the person does, but in no folder that systemd would read otherwise', () => {
    const path = '/home/ann/venv/bin:/mnt/c/Program Files/x:relative:/a%b:/c$d:/usr/bin'
    expect(renderUserDaemon({ ...places, path })).toContain('Environment=PATH=/home/ann/venv/bin:/usr/bin\n')
  })
})

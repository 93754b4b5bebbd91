// The units as text: config/systemd holds what is printed for the folders of a whole machine.
import { describe, expect, it } from 'vitest'
import { hardenings } from '../../../../src/domain/runtime-host.ts'
import {
  daemonUnit,
  renderDaemonUnit,
  renderEnvironment,
  renderPolkit,
  renderSlice,
  renderTemplateUnit,
  slice,
  templateFile,
  type UnitPlaces,
} from '../../../../src/platform/host/systemd/unit-render.ts'
import { expectShipped } from './shipped.ts'

const places: UnitPlaces = {
  program: ['/usr/bin/node', '/usr/local/lib/switchyard/switchyard.mjs'],
  stateFolder: '/var/lib/switchyard',
  modelsFolder: '/var/lib/switchyard/models',
  cacheFolder: '/var/cache/switchyard',
  configFolder: '/etc/switchyard',
  user: 'switchyard',
  deviceGroups: ['render', 'video'],
  hasNvidia: false,
}

describe('The units of a host', () => {
  it.each(hardenings)('the template of engines is shipped as it is printed: %s', hardening => {
    expectShipped(templateFile(hardening), renderTemplateUnit(hardening, places))
  })

  it('the unit of the daemon, the slice and the rule of polkit are shipped as they are printed', () => {
    expectShipped(daemonUnit, renderDaemonUnit(places))
    expectShipped(slice, renderSlice())
    expectShipped('50-switchyard.rules', renderPolkit(places))
  })

  it('a folder with blanks, quotes and signs of systemd is one word', () => {
    const odd = renderTemplateUnit('Strict', { ...places, modelsFolder: '/srv/my "best" 100%/$HOME' })
    expect(odd).toContain('ReadWritePaths="/srv/my \\"best\\" 100%%/$$HOME" /var/cache/switchyard\n')
  })

  it('the daemon sees the GPUs where nvidia-smi can tell of them', () => {
    const text = renderDaemonUnit({ ...places, hasNvidia: true })
    expect(text).toContain('DeviceAllow=char-nvidia* rw\n')
    expect(text).not.toContain('PrivateDevices')
  })

  it('groups that are not there are not named', () => {
    expect(renderTemplateUnit('Strict', { ...places, deviceGroups: [] })).not.toContain('SupplementaryGroups')
  })

  it('the environment file holds the words, and what only a line could carry is left out', () => {
    const text = renderEnvironment({
      template: {
        words: ['vllm', 'serve', "it's", 'a b', '', 'c\\d', '"$HOME"'],
        environment: { A: '`x`' },
        port: 1,
      },
      run: 'gpu-1',
      token: 't',
      tokenVariable: 'SWITCHYARD_PROCESS',
      environment: { PATH: '/bin', 'BASH_FUNC_x%%': 'no', BELL: '\x07', TWO: 'a\nb' },
    })
    expect(text).toBe(
      [
        'PATH="/bin"',
        'TWO="a\nb"',
        'A="\\`x\\`"',
        'SWITCHYARD_PROCESS="t"',
        'SWITCHYARD_RUN="gpu-1"',
        String.raw`SWITCHYARD_COMMAND="vllm serve it\\'s a\\ b '' c\\\\d \\\"\$HOME\\\""`,
        '',
      ].join('\n'),
    )
  })
})

// What a host's daemon takes from its environment, and what it hands on.
import { describe, expect, it } from 'vitest'
import { readEmbeddedSettings, readHostSettings } from '../src/settings.ts'

describe('The settings of a host', () => {
  it('have folders for whoever it runs as', () => {
    const isRoot = process.getuid?.() === 0
    const { stateFolder, modelsFolder, manifestsFolder } = readHostSettings({ HOME: '/home/ann' })
    expect(stateFolder).toBe(isRoot ? '/var/lib/switchyard' : '/home/ann/.local/state/switchyard')
    expect(modelsFolder).toBe(`${stateFolder}/models`)
    expect(manifestsFolder).toBe(
      isRoot ? '/etc/switchyard/manifests' : '/home/ann/.config/switchyard/manifests',
    )
  })

  it('refuse a folder that is not absolute, and name the variable', () => {
    expect(() => readHostSettings({ SWITCHYARD_MODELS_FOLDER: 'models' })).toThrow(
      /^SWITCHYARD_MODELS_FOLDER: must be an absolute path/,
    )
  })

  it.each([
    ['', { host: '127.0.0.1', port: 9877 }],
    ['[::1]:9000', { host: '::1', port: 9000 }],
    ['off', undefined],
  ])('serve metrics at %j', (SWITCHYARD_METRICS_ADDRESS, place) => {
    expect(readHostSettings({ SWITCHYARD_METRICS_ADDRESS }).metricsPlace).toEqual(place)
  })

  it.each([
    [{}, undefined],
    [{ SWITCHYARD_ENGINES: 'systemd' }, 'system'],
    [{ SWITCHYARD_ENGINES: 'systemd-user' }, 'user'],
  ])('say whose systemd has the engines: %j', (environment, units) => {
    expect(readHostSettings(environment).units).toBe(units)
  })

  it('look for the engine inside the program where they say, for one whose home is another', () => {
    const SWITCHYARD_SHARED_CACHE = '/home/ann/.cache/switchyard'
    expect(readEmbeddedSettings({ HOME: '/engines', SWITCHYARD_SHARED_CACHE })).toMatchObject({
      cacheFolder: '/engines/.cache/switchyard',
      sharedFolder: SWITCHYARD_SHARED_CACHE,
    })
  })

  it('refuse an address without a port', () => {
    expect(() => readHostSettings({ SWITCHYARD_METRICS_ADDRESS: 'localhost' })).toThrow(
      /^SWITCHYARD_METRICS_ADDRESS: must be an address and a port, for example 127.0.0.1:9877, or off/,
    )
  })

  it('hand on to workers what leads to a hub, and to engines no secret', () => {
    const { workerEnvironment, engineEnvironment } = readHostSettings({
      PATH: '/bin',
      HTTPS_PROXY: 'http://proxy:3128',
      CUDA_VISIBLE_DEVICES: '0',
      HF_TOKEN: 'hf_x',
      AWS_SECRET_ACCESS_KEY: 'x',
      VLLM_API_KEY: 'x',
      DB_PASSWORD: 'x',
      SWITCHYARD_STATE_FOLDER: '/s',
      NODE_OPTIONS: '--inspect',
    })
    expect(workerEnvironment).toEqual({ PATH: '/bin', HTTPS_PROXY: 'http://proxy:3128' })
    expect(engineEnvironment).toEqual({
      PATH: '/bin',
      HTTPS_PROXY: 'http://proxy:3128',
      CUDA_VISIBLE_DEVICES: '0',
    })
  })
})

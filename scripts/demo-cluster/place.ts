// Where `npm run demo:cluster` tells its story: a cluster started for it, or the one that KUBECONFIG names.
export interface Place {
  kubectl(args: readonly string[], options?: { input?: string }): Promise<string>
  readonly kubectlPath: string
  readonly kubeconfig: string
  /** what stands behind the vLLM Runtime of the story; undefined leaves that part out */
  readonly vllm: string | undefined
  /** how long one Model or Runtime may take, in seconds */
  readonly patienceSeconds: number
  /** what a person sets in a shell to look around */
  readonly exports: readonly string[]
  /** what Ctrl-C does */
  readonly ends: string
  /** installs Switchyard through its Helm chart and waits until the operator is available */
  install(): Promise<void>
  stop(): Promise<void>
}

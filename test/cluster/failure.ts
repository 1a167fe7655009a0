/** Something that the person who runs the cluster can act on: its message is printed as it is, without a stack. */
export class ClusterFailure extends Error {
  override name = 'ClusterFailure';
}

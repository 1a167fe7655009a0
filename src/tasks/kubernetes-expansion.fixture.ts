/**
 * What a container gets of `text`, by the rules of the kubelet and with its environment: `$$` is `$`, `$(NAME)` the variable where
 * there is one and otherwise itself, and any other `$` is itself.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
 */
export function expandedByKubernetes(text: string, environment: Record<string, string> = {}): string {
  let result = '';
  for (let at = 0; at < text.length; at++) {
    const next = text[at + 1];
    if (text[at] !== '$' || next === undefined) {
      result += text[at];
    } else if (next === '$') {
      result += '$';
      at++;
    } else if (next === '(' && text.includes(')', at)) {
      const end = text.indexOf(')', at);
      const name = text.slice(at + 2, end);
      result += Object.hasOwn(environment, name) ? environment[name] : text.slice(at, end + 1);
      at = end;
    } else {
      result += '$';
    }
  }
  return result;
}

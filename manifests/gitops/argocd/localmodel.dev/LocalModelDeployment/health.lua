-- Health of a LocalModelDeployment, as Argo CD asks for it: from its conditions, and only from those that speak of the
-- generation that was applied last.
local function condition(name)
  for _, found in ipairs((obj.status or {}).conditions or {}) do
    if found.type == name and found.observedGeneration == obj.metadata.generation then
      return found
    end
  end
  return {}
end

local ready, stalled = condition("Ready"), condition("Stalled")

if ready.reason == "Suspended" or ready.reason == "AwaitingPromotion" then
  return {status = "Suspended", message = ready.message}
elseif stalled.status == "True" then
  return {status = "Degraded", message = stalled.message}
elseif ready.status == "True" then
  return {status = "Healthy", message = ready.message}
end
return {status = "Progressing", message = ready.message or "the operator has not looked at this generation yet"}

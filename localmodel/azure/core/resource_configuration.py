"""What a model that is served without a script may use, as scripts say it when they register one."""


class ResourceConfiguration:
    """Amounts that are kept with the Model object only: what a deployment may use is said in its manifest."""

    def __init__(self, cpu: float | None = None, memory_in_gb: float | None = None, gpu: int | None = None) -> None:
        self.cpu, self.memory_in_gb, self.gpu = cpu, memory_in_gb, gpu

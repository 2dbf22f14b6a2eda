from localmodel_server.workers.pool import restart_delay


def test_restarts_are_immediate_then_spaced_out_up_to_half_a_minute() -> None:
    assert [restart_delay(failures) for failures in range(9)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert restart_delay(10_000) == 30
